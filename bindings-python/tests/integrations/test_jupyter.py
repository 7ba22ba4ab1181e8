"""``%load_ext stillframe`` in notebooks, with a real kernel."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("JUPYTER_PLATFORM_DIRS", "1")  # as later versions of Jupyter do by themselves; without it, older ones warn
import nbformat
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient

from support import Store, functions, values

CELLS = (
    "%load_ext stillframe",
    "rates = {'USD': 1.08}\ndef convert(amount, currency):\n    return amount * rates[currency]",
    "for amount in (1, 2):\n    convert(amount, 'EUR')",
    "%stillframe",
    "1 +",
    "async def wait(n):\n    raise ValueError(n)\nawait wait(7)",
    "import stillframe\nstillframe.install()\ntry:\n    [][1]\nexcept IndexError as error:\n    snapshot = stillframe.capture(error)\nsnapshot",
)


@pytest.fixture
def surroundings(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a kernel inherits."""
    for name, value in store.env().items():
        monkeypatch.setenv(name, value)
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(name, str(store.programs / name.lower()))
    kernel = store.programs / "jupyter_data_dir" / "kernels" / "ours"
    kernel.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (kernel / "kernel.json").write_text(str({"argv": command, "display_name": "ours", "language": "python"}).replace("'", '"'))


def execute(cells: tuple[str, ...], folder: Path) -> list[list[Any]]:
    """The outputs of each cell."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells])
    resources = {"metadata": {"path": os.fspath(folder)}}
    NotebookClient(notebook, kernel_name="ours", allow_errors=True, timeout=120, resources=resources).execute()
    return [cell.outputs for cell in notebook.cells]


@pytest.mark.usefixtures("surroundings")
def test_a_notebook_shows_the_values_of_its_errors(store: Store) -> None:
    outputs = execute(CELLS, store.programs)
    assert [[output.output_type for output in cell] for cell in outputs] == [
        [],
        [],
        ["error", "stream"],
        ["display_data"],
        ["error"],
        ["error", "stream"],
        ["execute_result"],
    ]
    assert outputs[2][0].ename == "KeyError"
    text = re.sub(r"\x1b\[[\d;]*m", "", outputs[2][1].text)
    assert text.startswith("── stillframe show ")
    assert "❯ convert  raised here" in text
    assert "In[2]:3\n" in text
    assert "currency  'EUR'" in text
    assert "rates" in text

    shown = outputs[3][0].data
    assert set(shown) == {"text/html", "text/plain"}
    assert shown["text/plain"].startswith("KeyError: 'EUR'")
    assert shown["text/html"].startswith('<div class="stillframe')
    assert "In[2]:3" in shown["text/html"]
    assert "<script" not in shown["text/html"]
    assert "'EUR'" in re.sub(r"<[^>]*>", "", shown["text/html"]).replace("&#39;", "'").replace("&#x27;", "'")

    asked = outputs[6][0].data
    assert asked["text/html"].startswith('<div class="stillframe')
    assert asked["text/plain"].startswith("IndexError")

    found = store.snapshots()
    assert [functions(snapshot) for snapshot in found[:2]] == [["convert", "<module>"], ["wait", "<module>"]]
    assert found[0]["frames"][0]["source"]["lines"][-1] == "    return amount * rates[currency]"
    assert values(found[1]) == {"n": 7}


@pytest.mark.usefixtures("surroundings")
def test_a_kernel_that_is_interrupted_shows_where_it_was(store: Store) -> None:
    manager, client = start_new_kernel(kernel_name="ours", startup_timeout=120, cwd=os.fspath(store.programs))
    try:
        texts: list[str] = []

        def hook(message: Any) -> None:
            content = message["content"]
            texts.append(content.get("text") or content.get("ename") or "")
            if content.get("text") == "waiting\n":
                manager.interrupt_kernel()

        client.execute_interactive("%load_ext stillframe", timeout=120, output_hook=hook)
        reply = client.execute_interactive(
            "import time\nstep = 5\nprint('waiting', flush=True)\ntime.sleep(60)", timeout=120, output_hook=hook, stop_on_error=False
        )  # else the kernel refuses what comes within a moment after the error
        assert reply["content"]["ename"] == "KeyboardInterrupt"
        assert any("step" in text and "stillframe show" in text for text in texts), texts
        after = client.execute_interactive("step + 1", timeout=120, store_history=True, output_hook=hook)
        assert after["content"]["status"] == "ok"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
