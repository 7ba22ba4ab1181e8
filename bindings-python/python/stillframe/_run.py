"""``python -m stillframe._run [options] {file|module|code|script} target [arguments]``: what ``stillframe run`` becomes.

The program is not run from here: this process becomes ``python [options] target [arguments]``, and that interpreter starts capturing by
itself before the program begins (``_autostart``). So everything about the program is as without us by construction: ``__main__``, the
command line, every path, the frames in its tracebacks, its exit status and the signals that end it.

Options of the interpreter may stand before ``-m`` as well as after ``_run``.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

PTH = "stillframe-autostart.pth"
KINDS = ("file", "module", "code", "script")
USAGE = 2


def main() -> NoReturn:
    """Becomes the program."""
    from stillframe import _command_line

    before = _command_line.split(_command_line.own()).options
    line = _command_line.split(sys.argv[1:])
    options = before + line.options
    if len(line.rest) < 2 or line.rest[0] not in KINDS:
        _say(f"expected one of {', '.join(KINDS)} and what to run")
        sys.exit(USAGE)
    kind, target, *arguments = line.rest

    _prepare(options)
    if kind == "script":
        _become(target, [target, *arguments])  # by its own first line; a script without one is run as a file
    command = {"module": ["-m", target], "code": ["-c", target]}.get(kind, [target])
    _become(sys.executable, [sys.executable, *options, *command, *arguments])
    _say(f"cannot run {sys.executable or 'the interpreter, whose path is not known'}")
    sys.exit(USAGE)


def _prepare(options: list[str]) -> None:
    """Has the interpreter that this process becomes start capturing."""
    from stillframe._environment import RUN

    os.environ[RUN] = str(os.getpid())
    if _starts_by_itself():
        return
    letters = "".join(option for option in options if not option.startswith(("--", "-W", "-X")))
    if sys.flags.no_site or sys.flags.ignore_environment or any(letter in letters for letter in "EIS"):
        _say("nothing will be captured: with this option of the interpreter, stillframe must be installed where pip installs it")
        return
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_site")
    paths = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = folder if paths is None else folder + os.pathsep + paths


def _starts_by_itself() -> bool:
    """Whether interpreters like this one read our ``.pth`` file: it lies beside the package, in a folder that ``site`` knows."""
    import site

    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    known = site.getsitepackages() + ([site.getusersitepackages()] if site.ENABLE_USER_SITE else [])
    return (
        not sys.flags.no_site
        and os.path.exists(os.path.join(folder, PTH))
        and any(os.path.realpath(folder) == os.path.realpath(other) for other in known)
    )


def _become(path: str, command: list[str]) -> None:
    try:
        os.execv(path, command)  # noqa: S606 - a program is what it is for
    except (OSError, ValueError):
        return


def _say(text: str) -> None:
    sys.stderr.write(f"stillframe: {text}\n")


if __name__ == "__main__":
    main()
