"""``%load_ext stillframe`` in IPython: a shell in a program, and ``ipython`` itself, piped and in a terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time

import pytest

from support import Result, Store, functions, values

COLOUR = re.compile(r"\x1b\[[\d;]*m")

CELLS = """\
%load_ext stillframe
rates = {"USD": 1.08}
def convert(amount, currency):
    rate = rates[currency]
    return amount * rate

convert(3, "EUR")
%stillframe
"""

SHELL = """
    import sys
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()

    def cell(text):
        print(f"== {text.splitlines()[0]}")
        result = shell.run_cell(text, store_history=True)
        sys.stdout.flush()
        return result
    """


def shell(store: Store, text: str, **env: str | None) -> str:
    """Runs a program that has a shell; what it wrote."""
    import textwrap

    program = textwrap.dedent(SHELL) + textwrap.dedent(text)
    done = store.python(program, env={"PYTHONIOENCODING": "utf-8", "IPYTHONDIR": str(store.programs), "HOME": str(store.programs), **env})
    assert done.status == 0, done.err
    return COLOUR.sub("", done.out)


def after(out: str, cell: str) -> str:
    """What was written after a cell, up to the next."""
    return out.split(f"== {cell}\n")[1].split("\n== ")[0]


def ipython(store: Store, cells: str, *arguments: str) -> Result:
    """A real ``ipython`` that is fed by a pipe."""
    path = store.write("cells.txt", cells)
    with path.open() as stdin:
        return store.run(
            *(sys.executable, "-m", "IPython", "--no-banner", "--no-confirm-exit", "--simple-prompt", *arguments),
            stdin=stdin,
            env={"PYTHONIOENCODING": "utf-8", "IPYTHONDIR": str(store.programs), "HOME": str(store.programs)},
        )


def test_a_cell_that_fails_shows_its_values(store: Store) -> None:
    out = shell(
        store,
        """
        cell("%load_ext stillframe")
        cell("rates = {'USD': 1.08}\\ndef convert(amount, currency):\\n    return amount * rates[currency]")
        cell("for amount in (1, 2):\\n    convert(amount, 'EUR')")
        """,
    )
    text = after(out, "for amount in (1, 2):")
    traceback, _, section = text.partition("── stillframe show ")
    assert traceback.rstrip().endswith("KeyError: 'EUR'")
    lines = section.splitlines()
    assert re.fullmatch(r"[0-9a-f]{8}, or %stillframe ─+", lines[0])
    assert lines[1].startswith("❯ convert  raised here")
    assert lines[1].endswith("In[2]:3")
    assert "  ❯ 3 │ return amount * rates[currency]" in lines
    assert "    currency  'EUR'" in lines
    assert any(line.startswith("❯ <module>") and line.endswith("In[3]:2") for line in lines)
    assert len(lines) <= 18

    (snapshot,) = store.snapshots()
    assert functions(snapshot) == ["convert", "<module>"]
    assert values(snapshot) == {"amount": 1, "currency": "EUR"}
    # Of what IPython keeps in the same namespace, nothing.
    assert set(values(snapshot, 1)) == {"rates", "convert", "amount"}
    assert snapshot["service"] == "ipython"


def test_the_magic_shows_all_values(store: Store) -> None:
    out = shell(
        store,
        """
        cell("%load_ext stillframe")
        cell("%stillframe")
        cell("items = [1, 2]\\nitems[5]")
        cell("%stillframe ")
        """,
    )
    assert "no cell has failed since %load_ext stillframe" in after(out, "%stillframe")
    whole = after(out, "%stillframe ")
    assert whole.startswith("IndexError: list index out of range")
    assert "❯ <module>  raised here" in whole
    assert "items  [1, 2]" in whole


def test_what_is_no_error_of_a_cell_is_left_alone(store: Store) -> None:
    out = shell(
        store,
        """
        cell("%load_ext stillframe")
        for text in ("1 +", "x = 1", "raise SystemExit(3)", "try:\\n    1 / 0\\nexcept ZeroDivisionError:\\n    pass", "import nothing +", "?len"):
            cell(text)
        """,
    )
    assert "stillframe show" not in out
    assert store.snapshots() == []


def test_magics_and_asynchronous_cells_are_captured(store: Store) -> None:
    store.write("script.py", "size = 3\nraise OSError(size)\n")
    out = shell(
        store,
        """
        cell("%load_ext stillframe")
        cell("%run script.py")
        cell("%%time\\nnumber = 4\\n1 / (number - 4)")
        cell("import asyncio\\nasync def wait(n):\\n    await asyncio.sleep(0)\\n    raise ValueError(n)\\nawait wait(7)")
        """,
    )
    assert out.count("stillframe show ") == 3, out
    found = store.snapshots()
    assert [snapshot["exceptions"][0]["type"] for snapshot in found] == ["OSError", "ZeroDivisionError", "ValueError"]
    assert values(found[0])["size"] == 3
    assert values(found[1])["number"] == 4
    assert functions(found[2]) == ["wait", "<module>"]


def test_what_failed_last_is_stored(store: Store) -> None:
    """The background looks more seldom after a while in which nothing failed, and the shell ends before."""
    cells = """
        cell("%load_ext stillframe")
        cell("1 / 0")
        __import__("time").sleep(0.7)
        cell("{}['last']")
        """
    for turn in range(1, 4):
        shell(store, cells)
        assert [snapshot["exceptions"][0]["type"] for snapshot in store.snapshots()] == ["ZeroDivisionError", "KeyError"] * turn


def test_the_same_is_written_without_us(store: Store) -> None:
    cells = """
        cell("def f(x):\\n    return 1 / x")
        cell("f(0)")
        cell("try:\\n    f(0)\\nexcept Exception as error:\\n    raise KeyError('x') from error")
        cell("1 +")
        cell("import sys; type(sys.last_value)")
        cell("_, Out, len(In)")
        """
    alone = shell(store, cells)
    ours = shell(store, 'cell("%load_ext stillframe")\n' + "".join(line[8:] + "\n" for line in cells.splitlines()))
    ours = re.sub(r"── stillframe show .*\n(?:(?!== |\n|-{20}).*\n)*", "", ours.split("%load_ext stillframe\n", 1)[1])

    def plain(text: str) -> str:
        """Without the numbers of cells, of which one is more here."""
        return re.sub(r"(In ?\[|Out\[|input-|, )\d+|\d+(?=: )|-[0-9a-f]{12}", r"\1", text)

    assert plain(ours) == plain(alone)


def test_unloading_ends_it(store: Store) -> None:
    out = shell(
        store,
        """
        cell("%load_ext stillframe")
        cell("1 / 0")
        cell("%reload_ext stillframe")
        cell("2 / 0")
        cell("%unload_ext stillframe")
        cell("3 / 0")
        cell("%stillframe")
        """,
    )
    assert [out.count("stillframe show "), len(store.snapshots())] == [2, 2]
    assert "stillframe show" not in after(out, "3 / 0")


def test_a_large_session_shows_what_the_cell_uses(store: Store) -> None:
    out = shell(
        store,
        """
        cell("%load_ext stillframe")
        cell("for number in range(500):\\n    globals()[f'value{number}'] = number")
        cell("needle = 'found'")
        cell("[][len(needle)]")
        """,
    )
    assert "needle  'found'" in after(out, "[][len(needle)]")


def test_the_environment_can_say_no(store: Store) -> None:
    out = shell(store, 'cell("%load_ext stillframe")\ncell("1 / 0")\n', STILLFRAME_ENABLED="0")
    assert "stillframe: nothing will be captured: the environment" in out
    assert store.snapshots() == []


def test_ipython_that_is_fed_by_a_pipe(store: Store) -> None:
    done = ipython(store, CELLS)
    assert done.status == 0, done.err
    assert done.out.count("❯ convert  raised here") == 2
    assert "uncaught (stillframe) in ipython" in done.out
    assert not COLOUR.search(done.out.partition("stillframe show")[2])
    assert len(store.snapshots()) == 1


def test_ipython_in_a_terminal(store: Store) -> None:
    controller, terminal = pty.openpty()
    environment = store.env(IPYTHONDIR=str(store.programs), HOME=str(store.programs), TERM="xterm", COLUMNS="90", LANG="C.UTF-8")
    command = [sys.executable, "-m", "IPython", "--no-banner", "--no-confirm-exit", "--simple-prompt"]
    process = subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, env=environment, cwd=store.programs)
    os.close(terminal)
    out = b""

    def read_until(text: bytes) -> None:
        nonlocal out
        until = time.monotonic() + 60
        while text not in out:
            if not select.select([controller], [], [], max(0.0, until - time.monotonic()))[0]:
                pytest.fail(f"{text!r} did not come: {out.decode(errors='replace')}")
            out += os.read(controller, 65536)

    for prompt, line in ((b"In [1]", "%load_ext stillframe"), (b"In [2]", "day = 'today'"), (b"In [3]", "{}[day]"), (b"In [4]", "exit")):
        read_until(prompt)
        os.write(controller, f"{line}\n".encode())
    process.wait(timeout=60)
    os.close(controller)
    text = out.decode(errors="replace")
    assert "\x1b[32m'today'\x1b[0m" in text
    assert "── stillframe show " in text
