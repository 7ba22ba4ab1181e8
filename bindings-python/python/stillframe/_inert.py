"""Stands in for the native module where the interpreter is not supported: the same functions, all idle."""

from __future__ import annotations


class Inert:
    """The functions of ``_native``, doing nothing."""

    def __init__(self, reason: str) -> None:
        """Remembers why."""
        self._reason = reason

    @property
    def __version__(self) -> str:
        """As the installed package has it."""
        try:
            from importlib.metadata import version

            return version("stillframe")
        except ImportError:  # it is not there before 3.8, and not to be found by who put us on the path by hand
            return "unknown"

    def start(self, settings: dict[str, object], enabled_by: str | None, program: str = "") -> list[str]:
        """Starts nothing and says why."""
        return [f"nothing will be captured: {self._reason}"]

    def stop(self, timeout: float = 2.0) -> bool:
        """There is nothing to stop."""
        return True

    def is_enabled(self) -> None:
        """Nothing was read that could say."""

    def settings(self) -> str:
        """None are in force."""
        return "{}"

    def switches(self) -> dict[str, bool]:
        """All off."""
        return {}

    def session_headers(self) -> dict[str, str]:
        """No request is looked at."""
        return {}

    def capture(self, exc: object, tb: object, limited: bool, handled: bool, mechanism: str, context: object) -> None:
        """Captures nothing."""

    def replay(self, *arguments: object) -> None:
        """Captures nothing."""

    def notice(self, line: str) -> None:
        """There is nobody to tell."""

    def stats(self) -> str:
        """The reason, as JSON."""
        import json

        return json.dumps({"unsupported": self._reason})

    def notices(self) -> list[str]:
        """The reason."""
        return [self._reason]

    def has_captured(self) -> bool:
        """Nothing is."""
        return False

    def flush(self, timeout: float = 2.0) -> bool:
        """Nothing waits to be stored."""
        return True

    def listen(self, wanted: bool) -> None:
        """There will be no snapshot."""

    def claim_deliveries(self) -> None:
        """There is nothing to hand over."""

    def drain_deliveries(self, timeout: float) -> bool:
        """Nothing waits to be handed over."""
        return True

    def close_deliveries(self, timeout: float) -> None:
        """Nothing is handed over."""

    def after_fork(self) -> None:
        """There is nothing to start again."""

    def walker(self) -> dict[str, str]:
        """There is no walker, and why."""
        return {"mode": "none", "detail": self._reason}

    def summary(self, width: int, colour: bool, unicode: bool) -> str:
        """One line with the reason."""
        return f"stillframe: nothing was captured: {self._reason}\n"

    def note_source(self, filename: str, text: str) -> None:
        """Nobody will read it."""

    def mark_uncaught(self, snapshot: str, mechanism: str) -> None:
        """There is no snapshot."""

    def count_internal_error(self) -> None:
        """They are counted in ``_failures`` as well."""
