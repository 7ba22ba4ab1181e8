"""Starting and stopping."""

from __future__ import annotations

import os

from stillframe import _command_line, _exit, _failures, _hooks, _report, _request, _runtime
from stillframe._runtime import native

started = False
"""Whether capturing is on in this process."""

_forks_observed = False
_config: dict[str, object] = {}
_program = ""


def install(config: dict[str, object], on_snapshot: object = None) -> None:
    """What ``stillframe.install`` does."""
    if native.is_enabled() is False:
        return
    if on_snapshot is not None or _report.delivered is not None:
        from stillframe import _callbacks

        _callbacks.configured(on_snapshot)
    problems = start(config, "stillframe.install()")
    if problems:
        import warnings

        for problem in problems:
            warnings.warn(f"stillframe: {problem}", RuntimeWarning, stacklevel=3)


def start(config: dict[str, object], enabled_by: str, program: str | None = None) -> list[str]:
    """Starts the engine and puts the hooks in. Returns what is wrong with the configuration, or why there is no engine.

    Args:
        config: settings that override all others.
        enabled_by: what asked for it, for people to read.
        program: what to name the service after if nothing else names it; by default, what this process runs.
    """
    global _config, _program, started
    _config = config
    _program = _command_line.in_utf8(_command_line.program() if program is None else program)
    try:
        problems = native.start(config, enabled_by, _program)
    except Exception as failure:
        _failures.count(failure)
        return [f"the configuration cannot be read: {_failures.type_name(type(failure))}"]
    _request.configured()
    if _runtime.problem is None:
        started = True
        switches = native.switches()
        _failures.tell = switches["debug"]
        if switches["summary"]:
            _exit.print_summary()
        _observe_forks()
        _exit.register(last=switches["excepthook"])
        _hooks.install(switches)
    return problems


def uninstall() -> None:
    """What ``stillframe.uninstall`` does."""
    global started
    started = False
    _hooks.uninstall()
    native.stop()
    if _report.delivered is not None:
        from stillframe import _callbacks

        _report.delivered(_report.DEADLINE)
        _callbacks.end(_report.DEADLINE)
        _callbacks.configured(None)


def inheritance() -> tuple[str, dict[str, object], str]:
    """What a worker process needs to capture like this one: the folder of the package, the configuration, what the program is called."""
    config = {name: _literal(value) for name, value in _config.items()}
    return os.path.dirname(os.path.dirname(os.path.abspath(__file__))), config, _program


def inherit(config: dict[str, object], program: str) -> None:
    """Starts in a worker process."""
    if native.is_enabled() is not False:
        start(config, "the parent process", program)


def _literal(value: object, around: tuple[int, ...] = ()) -> object:
    """A setting as something that can be written in source code."""
    if id(value) in around:
        return None  # it contains itself
    around = (*around, id(value))
    if isinstance(value, dict):
        return {str(name): _literal(item, around) for name, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_literal(item, around) for item in value]
    return value if value is None or type(value) in (str, int, float, bool) else str(value)


def _observe_forks() -> None:
    global _forks_observed
    if not _forks_observed and hasattr(os, "register_at_fork"):
        _forks_observed = True
        os.register_at_fork(after_in_child=native.after_fork)
