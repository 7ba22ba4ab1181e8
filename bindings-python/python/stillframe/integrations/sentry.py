"""Sentry: the events of its SDK carry the captured values, in place of those that the SDK reads itself.

Three ways in: ``STILLFRAME_HOOKS_SENTRY=1``, ``sentry_sdk.init(integrations=[StillframeIntegration()])``, or ``before_send`` for a program
that makes its own. The SDK reads variables by their ``repr``, which is code of the program; with one of the first two it no longer does.
"""

from __future__ import annotations

import sentry_sdk
from sentry_sdk.integrations import Integration

from stillframe import _failures, _hooks, _lifecycle, _report
from stillframe._hooks.patch import Layer, Patch
from stillframe.integrations._event_frames import matched

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    Event = dict[str, Any]
    Hint = dict[str, Any]

FRAME_BYTES = 2048
"""JSON of the variables of one frame: above that, Sentry cuts."""

EVENT_BYTES = 262144
"""JSON of the variables of one event, those of the reported exception first. Sentry refuses events above 1 MB, and source lines,
breadcrumbs and requests need their share."""

CONTEXT = "stillframe"
"""Name of what is added to an event besides."""

_OPTIONS = ("include_local_variables", "with_locals")
"""Names, new and old, of the option that has the SDK read variables."""


class StillframeIntegration(Integration):  # type: ignore[misc]
    """Has the events of the Sentry SDK carry captured values.

    Capturing begins with it, as with ``stillframe.install()``, unless it has begun or the environment says no::

        sentry_sdk.init(dsn=..., integrations=[StillframeIntegration()])

    The SDK does not read variables then. Where the program sets ``include_local_variables`` itself, that holds, and ours replace them.
    """

    identifier = "stillframe"

    def __init__(self, *, limited: bool = False, attach_snapshot: bool = False) -> None:
        """Says how.

        Args:
            limited: whether the limits of how often an error is captured apply to the errors that the SDK reports. By default every event
                carries values; the SDK has limits of its own.
            attach_snapshot: whether the whole snapshot goes with the event, as an attachment in JSON. Sentry counts those apart.
        """
        self.limited = limited
        self.attach_snapshot = attach_snapshot
        self.replaces: str | None = None
        """The option by which the SDK was told not to read variables itself."""
        try:
            if not _lifecycle.started:
                _lifecycle.install({})
            _report.keep_snapshots()
            if not _by_hand and not _hooks.is_on("sentry"):
                _by_hand.append(Patch("always", sentry_sdk.client._Client, "__init__", wrap=_initialisation))
                _by_hand[0].apply()
        except Exception as failure:
            _failures.count(failure)

    @staticmethod
    def setup_once() -> None:
        """Called by the SDK, once in a process."""
        sentry_sdk.scope.add_global_event_processor(_process)


def before_send(event: Event, hint: Hint) -> Event:
    """Replaces the variables of an event's frames by captured ones, for a program's own ``before_send``.

    ``docs/tracers.md`` has an example. ``include_local_variables=False`` spares the SDK what is replaced here.

    Args:
        event: the event, which is changed and returned.
        hint: what the SDK hands over with it.
    """
    _report.keep_snapshots()
    _filled(event, hint, limited=False, attach=False)
    return event


_by_hand: list[Patch] = []
"""The patch that a program asked for by making the integration itself: it is made before the client is."""


def patches(module: ModuleType) -> list[Patch]:
    """What is replaced in ``sentry_sdk.client``: the initialisation of a client, which gets the integration."""
    return [Patch("sentry", module._Client, "__init__", wrap=_initialisation)]


def _initialisation(layer: Layer) -> Any:
    original = layer.original

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - it replaces one
        if layer.active:
            try:
                kwargs = _options(args, kwargs)
            except Exception as failure:
                _failures.count(failure)
        original(self, *args, **kwargs)

    return __init__


def _options(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The keyword arguments of a client: with the integration if it shall be there, without the SDK's own reading of variables."""
    given = dict(*(part for part in args if isinstance(part, dict)), **kwargs)
    integrations = list(given.get("integrations") or ())
    ours = next((found for found in integrations if isinstance(found, StillframeIntegration)), None)
    if ours is None:
        if not _hooks.is_on("sentry"):
            return kwargs
        ours = StillframeIntegration()
        kwargs = {**kwargs, "integrations": [*integrations, ours]}
    collected = given.get("data_collection")
    if not _lifecycle.started or any(option in given for option in _OPTIONS):
        return kwargs
    if not isinstance(collected, dict):
        ours.replaces = next((option for option in _OPTIONS if option in sentry_sdk.consts.DEFAULT_OPTIONS), None)
        return kwargs if ours.replaces is None else {**kwargs, ours.replaces: False}
    return {**kwargs, "data_collection": {"stack_frame_variables": False, **collected}}


def _process(event: Event, hint: Hint) -> Event:
    """An event on its way through the SDK: before its scrubber, its serialisation and the program's ``before_send``."""
    try:
        client = sentry_sdk.get_client() if hasattr(sentry_sdk, "get_client") else sentry_sdk.Hub.current.client
        integration = getattr(client, "integrations", {}).get(StillframeIntegration.identifier)
        if integration is not None:
            if integration.replaces is not None:
                client.options[integration.replaces] = not _lifecycle.started
            if _lifecycle.started:
                _filled(event, hint, limited=integration.limited, attach=integration.attach_snapshot)
    except Exception as failure:
        _failures.count(failure)
    return event


def _filled(event: Event, hint: Hint, *, limited: bool, attach: bool) -> None:
    """Fills an event. What fails in our own code stays here."""
    try:
        _fill(event, hint, limited, attach)
    except RecursionError:
        _failures.out_of_stack[0] += 1
    except BaseException as failure:
        if not _failures.is_ours(failure):
            raise
        _failures.count(failure)


def _fill(event: Event, hint: Hint, limited: bool, attach: bool) -> None:
    exc_info = hint.get("exc_info") if hint else None
    values = (event.get("exception") or {}).get("values")
    if type(exc_info) is not tuple or not issubclass(type(exc_info[1]), BaseException) or not isinstance(values, list):
        return
    if CONTEXT in (event.get("contexts") or {}):
        return
    handled = not any((value.get("mechanism") or {}).get("handled") is False for value in values if isinstance(value, dict))
    attributes = {"sentry.event_id": event["event_id"]} if "event_id" in event else None
    snapshot = _report.snapshot_of(exc_info[1], exc_info[2], "sentry", handled=handled, limited=limited, attributes=attributes)
    if snapshot is None:
        return
    found = snapshot.frame_variables(FRAME_BYTES, EVENT_BYTES)
    for theirs, ours in matched(values, found):
        if "variables" in ours:
            theirs["vars"] = Variables(ours["variables"])
    told = {"snapshot": snapshot.id, "issue": found["issue"], "show": f"stillframe show {snapshot.id[-8:]}"}
    counts = {name: found[name] for name in ("values", "redacted", "cut")}
    event["contexts"] = {**(event.get("contexts") or {}), CONTEXT: {**told, **counts}}
    if attach:
        whole = sentry_sdk.attachments.Attachment(
            bytes=snapshot.to_json().encode(), filename=f"stillframe-{snapshot.id[-8:]}.json", content_type="application/json"
        )
        hint["attachments"] = [*(hint.get("attachments") or ()), whole]


class Variables(dict):  # type: ignore[type-arg]
    """Variables of a frame that the SDK's serialisation takes as they are: its old versions would write the ``repr`` of each text."""

    def __sentry_repr__(self) -> Event:
        """What goes into the event."""
        return {name: value if type(value) is str else _plain(value) for name, value in self.items()}


def _plain(value: Any) -> Any:
    """A value without what the SDK's scrubber may have put into it."""
    kind = type(value)
    if kind is dict:
        return {name: item if type(item) is str else _plain(item) for name, item in value.items()}
    if kind is list:
        return [item if type(item) is str else _plain(item) for item in value]
    return value if value is None or kind in _PLAIN else _plain(getattr(value, "value", ""))


_PLAIN = (str, int, float, bool)
