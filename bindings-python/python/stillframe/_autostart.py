"""Runs at the start of the interpreter when the environment asks for it (``stillframe-autostart.pth`` imports it then).

It is the program's start as well: nothing may fail, and nothing may be printed but that this interpreter is not supported. In a
subinterpreter, which runs it as well, not even that.
"""

from __future__ import annotations

import os

from stillframe._environment import DDTRACE, ENABLED, OTHERS, RUN


def _start() -> None:
    from stillframe import _runtime

    runs = os.environ.pop(RUN, "") == str(os.getpid())
    if runs:
        os.environ[ENABLED] = "1"  # for the interpreters that the program starts
    elif _runtime.problem == _runtime.SUBINTERPRETER:
        return  # the main interpreter was asked by the same environment; what else there is may come and go by the hundred
    elif _runtime.problem is None and not _runtime.native.is_enabled():
        if os.environ.get(DDTRACE) and _runtime.native.switches()["ddtrace"]:
            from stillframe.integrations import ddtrace

            ddtrace.start(DDTRACE)
        return
    from stillframe import _exit, _lifecycle

    by = "stillframe run" if runs else next((name for name in (ENABLED, *OTHERS) if os.environ.get(name)), "stillframe.toml")
    problems = _lifecycle.start({}, by)
    if runs:
        if _runtime.problem is not None:
            _exit.register(last=False)
        _exit.print_summary()
    elif _runtime.problem is not None:
        import warnings

        warnings.warn(f"stillframe: {problems[0]}", RuntimeWarning, stacklevel=2)
    if runs:
        from stillframe._command_line import note_code

        note_code()


try:
    _start()
except Exception as failure:
    from stillframe import _failures

    _failures.count(failure)
