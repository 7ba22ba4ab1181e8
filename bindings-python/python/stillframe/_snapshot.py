"""What ``capture`` returns."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from stillframe import _native


class Snapshot:
    """A captured exception: its frames with their values, already bounded and redacted."""

    __slots__ = ("_native",)

    def __init__(self, native: _native.Snapshot) -> None:
        """Wraps a snapshot of the native module."""
        self._native = native

    @property
    def id(self) -> str:
        """Its id, as ``stillframe show`` takes it."""
        return self._native.id

    @property
    def issue(self) -> str:
        """The id of the issue that it belongs to: the same for the same error in every process."""
        return self._native.issue

    @property
    def short_id(self) -> str:
        """The end of its id, by which people call it: 8 hex digits."""
        return self._native.short_id

    @property
    def type(self) -> str:
        """The type of the exception, with its module where that is not the built-ins: ``shop.errors.RateMissing``."""
        return self._native.error[0]

    @property
    def message(self) -> str | None:
        """Its message, redacted; ``None`` where only code of the program could have made it."""
        return self._native.error[1]

    def to_dict(self) -> dict[str, Any]:
        """The snapshot in format 1 (``docs/snapshot-format.md``), in dictionaries and lists."""
        import json

        document: dict[str, Any] = json.loads(self._native.to_json())
        return document

    def to_json(self) -> str:
        """The same as JSON."""
        return self._native.to_json()

    def to_text(self, *, width: int = 80, colour: bool = False, unicode: bool = True, lines: int | None = None) -> str:
        """The snapshot for people, as ``stillframe show`` prints it.

        Args:
            width: columns that it may take, at least 40.
            colour: whether it has escape sequences for the colours of a terminal.
            unicode: whether it may draw with other characters than those of ASCII.
            lines: about how many lines it may take: then it is the most telling part. In full when left out.
        """
        return self._native.to_text(width, colour, unicode, lines)

    def to_msgpack(self) -> bytes:
        """The same as MessagePack: the form that it is stored in."""
        return self._native.to_msgpack()

    def to_datadog(self) -> list[bytes]:
        """The same as Datadog's debugger intake takes it: bodies of requests, each a JSON array with one object per frame.

        There is one body unless it would be larger than the 5 MiB that the intake takes.
        """
        return self._native.to_datadog()

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return self._native.to_html()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """What IPython shows."""
        printer.text(self.to_text().rstrip("\n"))

    def frame_variables(self, frame_bytes: int = 2048, event_bytes: int = 262144) -> dict[str, Any]:
        """The variables of each frame as nested dictionaries and lists with text in them, cut to fit into the event of another tool.

        Those that the failing line uses come first; ``…`` says what is not shown. Besides, what it takes to find the frames in such an
        event.

        Args:
            frame_bytes: JSON of the variables of one frame.
            event_bytes: JSON of the variables of all frames.

        Returns:
            ``issue``, and ``values``, ``redacted`` and ``cut``: how many there are; ``exceptions`` and ``frames`` with those members of
            format 1 that tell which they are, and of frames whose variables were read ``variables``.
        """
        import json

        found: dict[str, Any] = json.loads(self._native.frame_variables(frame_bytes, event_bytes))
        return found

    def __repr__(self) -> str:
        """Its id and issue."""
        return f"<stillframe.Snapshot {self.id} of issue {self.issue}>"
