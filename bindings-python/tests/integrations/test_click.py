"""Commands made with Click and Typer."""

from __future__ import annotations

import pytest

from support import Store, functions, values

CLICK = """
import logging, sys
import click

@click.group()
@click.option("--mode", default="fast")
def shop(mode):
    pass

@shop.group()
def stock():
    pass

@stock.command()
@click.argument("count", type=int)
def split(count):
    total = 10
    print(total / count)

@shop.command()
def usage():
    raise click.UsageError("not like this")

@shop.command()
def abort():
    raise click.Abort()

@shop.command()
@click.pass_context
def leave(context):
    context.exit(4)

@shop.command()
def exit():
    sys.exit(3)

@shop.command()
def logs():
    try:
        {}["sku"]
    except KeyError:
        logging.exception("in a command")

@shop.command()
@click.pass_context
def closes(context):
    context.call_on_close(lambda: 1 / 0)

@shop.command()
@click.pass_context
def catches(context):
    try:
        context.invoke(split, count=0)
    except ZeroDivisionError:
        print("caught")

@shop.command()
def says():
    import stillframe
    with stillframe.context(tags={"step": "sync"}):
        raise LookupError("x")

if __name__ == "__main__":
    shop()
"""

TYPER = """
import typer

app = typer.Typer()

@app.command()
def split(count: int):
    total = 10
    print(total / count)

@app.command()
def lookup(name: str):
    return {}[name]

@app.command()
def leave(code: int):
    raise typer.Exit(code)

@app.command()
def abort():
    raise typer.Abort()

if __name__ == "__main__":
    app()
"""


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("stock", "split", "0"), ("ZeroDivisionError", "excepthook", False)),
        (("closes",), ("ZeroDivisionError", "excepthook", False)),
        (("logs",), ("KeyError", "logging", True)),
        (("says",), ("LookupError", "excepthook", False)),
        (("stock", "split", "5"), None),
        (("stock", "split", "many"), None),
        (("usage",), None),
        (("abort",), None),
        (("leave",), None),
        (("exit",), None),
        (("catches",), None),
        (("nothing",), None),
        (("--help",), None),
    ],
)
def test_click(store: Store, arguments: tuple[str, ...], error: tuple[str, str, bool] | None) -> None:
    plain, ours = store.python(CLICK, *arguments), store.enabled(CLICK, *arguments)
    assert plain.err == "" or "stillframe" not in plain.err or "says" in arguments
    assert (ours.status, ours.out, ours.err) == (plain.status, plain.out, plain.err)
    assert store.errors() == ([error] if error else [])


def test_what_a_command_tells(store: Store) -> None:
    store.enabled(CLICK, "stock", "split", "0")
    store.enabled(CLICK, "logs")
    store.enabled(CLICK, "says")
    split, logs, says = store.snapshots()
    assert functions(split)[0] == "split"
    assert values(split) == {"count": 0, "total": 10}
    assert split["context"]["attributes"] == {"cli.command": "program.py stock split"}
    assert logs["context"]["attributes"]["cli.command"] == "program.py logs"
    assert says["context"]["attributes"] == {"cli.command": "program.py says", "step": "sync"}


@pytest.mark.parametrize("pretty", [True, False], ids=["pretty", "plain"])
@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (("split", "0"), "ZeroDivisionError"),
        (("lookup", "sku"), "KeyError"),
        (("split", "2"), None),
        (("leave", "5"), None),
        (("abort",), None),
    ],
)
def test_typer(store: Store, arguments: tuple[str, ...], kind: str | None, pretty: bool) -> None:
    """Typer replaces ``sys.excepthook`` without calling ours, and gives the error an attribute of its own."""
    settings: dict[str, str | None] = {} if pretty else {"_TYPER_STANDARD_TRACEBACK": "1", "TYPER_STANDARD_TRACEBACK": "1"}
    plain, ours = store.python(TYPER, *arguments, env=settings), store.enabled(TYPER, *arguments, env=settings)
    assert (ours.status, ours.out, ours.err) == (plain.status, plain.out, plain.err)
    assert store.errors() == ([(kind, "excepthook", False)] if kind else [])
    for shot in store.snapshots():
        assert functions(shot)[0] == arguments[0]
        assert shot["context"]["attributes"] == {"cli.command": f"program.py {arguments[0]}"}


def test_errors_of_commands_that_others_run(store: Store) -> None:
    """``standalone_mode=False``, and a test's runner: whoever calls the command gets the error."""
    result = store.enabled(
        CLICK.replace("    shop()\n", "")
        + """
    from click.testing import CliRunner
    print(repr(CliRunner().invoke(shop, ["stock", "split", "0"]).exception))
    try:
        shop(["stock", "split", "0"], standalone_mode=False)
    except ZeroDivisionError:
        logging.exception("mine")
    try:
        raise OSError("outside")
    except OSError:
        shop(["stock", "split", "5"], standalone_mode=False)
        logging.exception("mine too")
"""
    )
    assert "ZeroDivisionError('division by zero')" in result.out, result.err
    assert store.errors() == [("ZeroDivisionError", "logging", True), ("OSError", "logging", True)]
    inside, outside = store.snapshots()
    assert inside["context"]["attributes"]["cli.command"].endswith(" stock split")
    assert "cli.command" not in outside["context"]["attributes"]


def test_a_click_command_in_a_typer_command(store: Store) -> None:
    result = store.enabled(
        """
        import click, logging, stillframe, typer
        app = typer.Typer()

        @click.command("inner")
        def inner():
            try:
                1 / 0
            except ZeroDivisionError:
                logging.exception("in both")

        @app.command()
        def outer():
            inner([], standalone_mode=False)
            print(stillframe.stats().get("failures"))

        app()
        """
    )
    assert (result.status, result.out.strip()) == (0, "None"), result.err
    [logged] = store.snapshots()
    assert logged["context"]["attributes"]["cli.command"] == "program.py"
