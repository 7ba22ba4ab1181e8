"""The native module, or what stands in for it where this interpreter cannot have it.

Importing ``stillframe`` must work everywhere a program may be started: an interpreter that is not supported gets the same functions, which
do nothing, and one sentence that says why.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stillframe import _native as _typed

    native = _typed

OLDEST = (3, 9)

SUBINTERPRETER = "subinterpreters are not supported yet"
"""Why a subinterpreter is not supported, while the main one may well be."""


def unsupported() -> str | None:
    """Why this interpreter is not supported, if so."""
    name = sys.implementation.name
    if name != "cpython":
        return f"{name} is not supported, only CPython is"
    if sys.version_info < OLDEST:
        return f"CPython {sys.version_info[0]}.{sys.version_info[1]} is not supported, 3.9 is the oldest that is"
    if "t" in getattr(sys, "abiflags", ""):
        return "free-threaded builds of CPython are not supported yet"
    return None


def _load() -> tuple[object, str | None]:
    problem = unsupported()
    if problem is None:
        try:
            __import__("stillframe._native")  # by its full name, so that what is missing is named in full
            module = sys.modules["stillframe._native"]
            if module.in_main_interpreter():  # older versions import a module anywhere, whether it can be used there or not
                return module, None
            problem = SUBINTERPRETER
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a panic of the native module is no Exception
            refused = type(error) is ImportError and "subinterpreters" in str(error)  # newer versions, and PyO3, say it like that
            problem = SUBINTERPRETER if refused else f"the native module cannot be used here: {error}"
    from stillframe._inert import Inert

    return Inert(problem), problem


problem: str | None
if not TYPE_CHECKING:
    native, problem = _load()
