"""The interpreter's own command line: where its options end and what it runs."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class CommandLine:
    """A command line of the interpreter."""

    __slots__ = ("letter", "options", "rest", "value")

    def __init__(self, options: Sequence[str], letter: str, value: str, rest: Sequence[str]) -> None:
        """Takes its parts."""
        self.options = list(options)
        """What is for the interpreter."""
        self.letter = letter
        """``c`` or ``m``; empty when a file is run."""
        self.value = value
        """The code or the module's name."""
        self.rest = list(rest)
        """The program's arguments, behind the file if one is run."""


_WITH_VALUE = "WX"
_LAST = "cm"
_LONG_WITH_VALUE = "--check-hash-based-pycs"


def own() -> list[str]:
    """The command line of this process without the interpreter itself; empty when it cannot be known."""
    known = getattr(sys, "orig_argv", None)  # from 3.10 on
    if known is None:
        try:
            with open("/proc/self/cmdline", "rb") as file:
                known = [part.decode(errors="surrogateescape") for part in file.read().split(b"\0")[:-1]]
        except OSError:
            known = []
    return list(known[1:])


def in_utf8(name: str) -> str:
    """A name that may come from the file system: what of it is not UTF-8 is replaced."""
    return name.encode("utf-8", "replace").decode()


def split(arguments: Sequence[str]) -> CommandLine:
    """Splits a command line as the interpreter does: ``-c`` and ``-m`` are the last option, also at the end of ``-Im``."""
    index = 0
    while index < len(arguments):
        argument = arguments[index]
        if argument == "-" or not argument.startswith("-"):
            break
        index += 1
        if argument == "--":
            break
        if argument.startswith("--"):
            index += argument == _LONG_WITH_VALUE
            continue
        for place, letter in enumerate(argument[1:], 1):
            if letter in _LAST:
                glued = argument[place + 1 :]
                before = [*arguments[: index - 1], *([argument[:place]] if place > 1 else [])]
                value = glued or "".join(arguments[index : index + 1])
                return CommandLine(before, letter, value, arguments[index if glued else index + 1 :])
            if letter in _WITH_VALUE:
                index += place == len(argument) - 1
                break
    return CommandLine(arguments[:index], "", "", arguments[index:])


_SERVERS = frozenset(("daphne", "granian", "gunicorn", "hypercorn", "uvicorn", "waitress", "waitress-serve"))
"""Programs that run an application, which is an argument like ``shop.web:app``."""

_SCHEMES = frozenset(("fd", "file", "python", "unix"))

_ATTRIBUTE_OPTIONAL = frozenset(("gunicorn", "hypercorn"))
"""Servers that take a module alone as well, as ``shop.wsgi``: no colon tells it from other words, so it is looked for where they look."""

_FLAGS = frozenset(
    (
        "--capture-output",
        "--casefold-http-method",
        "--check-config",
        "--daemon",
        "--debug",
        "--disable-redirect-access-to-syslog",
        "--do-handshake-on-connect",
        "--enable-backlog-metric",
        "--enable-stdio-inheritance",
        "--initgroups",
        "--log-syslog",
        "--no-control-socket",
        "--no-sendfile",
        "--permit-obsolete-folding",
        "--permit-unconventional-http-method",
        "--permit-unconventional-http-version",
        "--preload",
        "--print-config",
        "--reload",
        "--reuse-port",
        "--spew",
        "--strip-header-spaces",
        "--suppress-ragged-eofs",
    )
)
"""Their options that the next word is no value of."""

_SHORT_FLAGS = frozenset(("-D", "-R"))

_PROXY_PROTOCOL = ("auto", "off", "v1", "v2")
"""What may follow gunicorn's ``--proxy-protocol``, or nothing."""

_RUNNERS = frozenset(("celery", "flask"))
"""The same where it is the value of ``-A`` or ``--app``."""

_PLAIN = frozenset(("api", "app", "application", "asgi", "config", "main", "server", "src", "web", "wsgi"))
"""Modules that are called so in any application: the name of its folder says more."""


def program() -> str:
    """What this process runs, as a name for people; empty when nothing tells.

    It is the module, or the file without its folder and ``.py``. Where that only runs an application, it is the application's module or
    folder.
    """
    line = split(own())
    if line.letter == "m":
        name = line.value[: -len(".__main__")] if line.value.endswith(".__main__") else line.value
        return _application(name, line.rest) or name
    if line.letter == "c" or not line.rest or line.rest[0] == "-":
        return ""
    path = line.rest[0].rstrip("/")
    name = path.rpartition("/")[2]
    if name == "__main__.py":
        name = path.split("/")[-2] if "/" in path else ""
    if name == "manage.py":  # Django's
        return _folder(path) or "manage"
    name = name[:-3] if name.endswith(".py") else name
    return _application(name, line.rest[1:]) or name


def _application(name: str, arguments: Sequence[str]) -> str:
    """What a server or runner of this name runs; empty where it is none or does not say."""
    target = None
    if name in _SERVERS:
        target = _first(arguments).partition(":")[0] if name in _ATTRIBUTE_OPTIONAL else ""
        target = target or next(
            (module for module, colon, rest in (word.partition(":") for word in arguments) if colon and _named(module, rest)), None
        )
    elif name in _RUNNERS:
        for word, following in zip(arguments, [*arguments[1:], ""]):
            if word in ("-A", "--app"):
                target = following
            elif word.startswith("--app="):
                target = word[len("--app=") :]
        target = (target or "app").partition(":")[0]
        target = target[:-3] if target.endswith(".py") else target
    if not target:
        return ""
    module = target.rpartition("/")[2].partition(".")[0]
    return _folder("") if module in _PLAIN or not module.isidentifier() else module


def _first(arguments: Sequence[str]) -> str:
    """The first word that is neither an option nor the value of one; empty where there is none."""
    value = False
    for index, word in enumerate(arguments):
        if word == "--":
            return "".join(arguments[index + 1 : index + 2])
        if word.startswith("--"):
            value = "=" not in word and word not in _FLAGS
            if word == "--proxy-protocol":
                value = "".join(arguments[index + 1 : index + 2]) in _PROXY_PROTOCOL
        elif word.startswith("-"):
            value = len(word) == 2 and word not in _SHORT_FLAGS
        elif not value:
            return word
        else:
            value = False
    return ""


def _named(module: str, attribute: str) -> bool:
    """Whether ``module:attribute`` names an application, rather than an address or where settings are."""
    return module not in _SCHEMES and all(part.isidentifier() for part in module.split(".")) and attribute[:1].isidentifier()


def _folder(path: str) -> str:
    """The name of the folder that a file is in, or of the one that the process works in."""
    try:
        return os.path.basename(os.path.dirname(os.path.abspath(path)) if path else os.getcwd())
    except OSError:  # it is gone
        return ""


def note_code() -> None:
    """Remembers the code of ``-c``, which is in no file, for snapshots to show."""
    line = split(own())
    if line.letter == "c":
        from stillframe._runtime import native

        native.note_source("<string>", line.value)
