"""Disks, folders and configurations that are not as they should be: the program goes on exactly as without us."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support import COMMAND, Store

PROGRAM = """
import logging
logging.getLogger().addHandler(logging.NullHandler())
for number in range(5):
    try:
        {}[number]
    except KeyError:
        logging.exception("x")
print("end")
1 / 0
"""


def unshare() -> list[str]:
    """What gives a command mounts of its own: in a user namespace, as root, or as root in a chroot."""
    ways = (["unshare", "-rm"], ["unshare", "-m"], ["unshare", "-m", "--propagation", "unchanged"])
    found = [way for way in ways if subprocess.run([*way, "true"], capture_output=True).returncode == 0]
    assert found, "these tests need unshare(1) and user namespaces (or root)"
    return found[0]


def same(store: Store, **env: str | None) -> None:
    plain = store.python(PROGRAM)
    ours = store.enabled(PROGRAM, env=env)
    assert (ours.status, ours.out, ours.err) == (plain.status, plain.out, plain.err)


def test_a_folder_that_cannot_be_made(store: Store) -> None:
    store.folder.write_text("a file is in the way")
    same(store)
    same(store, STILLFRAME_DIR="/proc/nonexistent/store")
    same(store, STILLFRAME_DIR="\x01" * 300)
    same(store, STILLFRAME_DIR="", HOME="/nonexistent", XDG_STATE_HOME="/proc/1/nowhere")


def test_a_folder_that_cannot_be_written(store: Store, tmp_path: Path) -> None:
    """As root, permissions do not hold; a file system that is mounted read-only does, in a mount namespace of its own."""
    folder = tmp_path / "read-only"
    folder.mkdir()
    path = store.write("program.py", PROGRAM)
    script = f"mount -t tmpfs none {folder} && mkdir {folder}/store && mount -o remount,ro {folder} && exec {sys.executable} {path}"
    in_namespace(store, script, folder / "store")


def test_a_full_disk(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "full"
    folder.mkdir()
    path = store.write("program.py", PROGRAM)
    script = (
        f"mount -t tmpfs -o size=64k none {folder} && mkdir {folder}/store && (dd if=/dev/zero of={folder}/fill bs=4k 2>/dev/null || true)"
        f" && exec {sys.executable} {path}"
    )
    in_namespace(store, script, folder / "store")


def in_namespace(store: Store, script: str, folder: Path) -> None:
    """Runs the program in a mount namespace of its own."""
    plain = store.python(PROGRAM)
    ours = store.run(*unshare(), "sh", "-c", script, env={"STILLFRAME_ENABLED": "1", "STILLFRAME_DIR": str(folder)})
    assert (ours.status, ours.out, ours.err) == (plain.status, plain.out, plain.err)


def test_a_disk_that_fills_up_while_we_write(store: Store, tmp_path: Path) -> None:
    """What fitted is there; afterwards, the store says that something is missing."""
    folder = tmp_path / "small"
    folder.mkdir()
    path = store.write(
        "program.py",
        """
        import os, stillframe, sys
        stillframe.install()
        for number in range(300):
            noise = [os.urandom(500).hex() for _ in range(10)]
            stillframe.capture(ValueError(number))
            stillframe.flush()
        print(stillframe.stats())
        """,
    )
    script = f"mount -t tmpfs -o size=256k none {folder} && {sys.executable} {path} && cp -r {folder}/store {store.folder}"
    result = store.run(*unshare(), "sh", "-c", script, env={"STILLFRAME_DIR": str(folder / "store")})
    assert result.status == 0, result.err
    assert 1 <= len(store.snapshots()) < 300


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[[[",
        b"\xff\xfe\x00",
        b"enabled = 'perhaps'\nservice = 3\n[limits]\ndepth = -1\nitems = 99999999999999999999\n[nonsense]\nx = 1\n",
        b"[redact]\nvalues = [{name = 'x', pattern = '('}]\n",
        b"x = " + b"[" * 5000,
    ],
)
def test_a_broken_configuration_file(store: Store, text: bytes) -> None:
    (store.programs / "stillframe.toml").write_bytes(text)
    same(store)
    assert ("ZeroDivisionError", "excepthook", False) in store.errors()


def test_a_broken_environment(store: Store) -> None:
    same(
        store,
        STILLFRAME_MAX_DEPTH="deep",
        STILLFRAME_LIMITS_DEPTH="x",
        DD_TAGS="::,,=",
        DD_EXCEPTION_REPLAY_CAPTURE_MAX_FRAMES="-3",
        DD_SITE="\n",
    )
    assert ("ZeroDivisionError", "excepthook", False) in store.errors()


def test_a_damaged_store(store: Store) -> None:
    same(store)
    for segment in store.folder.glob("*.sfs"):
        data = bytearray(segment.read_bytes())
        data[len(data) // 2 :] = os.urandom(len(data) - len(data) // 2)
        segment.write_bytes(data)
    (store.folder / "1795225363042-1-0123456789abcdef.sfs").write_bytes(b"\xf5SFR" * 1000)
    (store.folder / "retention.lock").write_bytes(b"x")
    same(store)
    assert ("ZeroDivisionError", "excepthook", False) in store.errors()


def test_the_store_is_removed_meanwhile(store: Store) -> None:
    result = store.python(
        """
        import os, shutil, stillframe
        stillframe.install()
        stillframe.capture(ValueError(1))
        stillframe.flush()
        shutil.rmtree(os.environ["STILLFRAME_DIR"])
        stillframe.capture(ValueError(2))
        print(stillframe.flush())
        """
    )
    assert (result.status, result.err) == (0, "")


def test_descriptors_that_the_program_closes(store: Store) -> None:
    """A daemon closes every descriptor that it knows of, ours too, and its own files then have those numbers."""
    result = store.enabled(
        """
        import os, logging
        logging.getLogger().addHandler(logging.NullHandler())
        try:
            {}["x"]
        except KeyError:
            logging.exception("x")
        import stillframe
        stillframe.flush()
        os.closerange(3, 256)
        files = [open(f"own{number}", "wb") for number in range(20)]
        try:
            {}["y"]
        except KeyError:
            logging.exception("y")
        stillframe.flush()
        for file in files:
            file.close()
        print([os.path.getsize(f"own{number}") for number in range(20) if os.path.getsize(f"own{number}")])
        """
    )
    assert (result.status, result.out) == (0, "[]\n"), result.err


def test_a_panic_of_ours_is_silent_and_counted(store: Store) -> None:
    """A bug in native code: the program sees nothing of it, capturing is off, and whoever asks is told."""
    result = store.python(
        """
        import stillframe
        from stillframe import _native
        stillframe.install()
        print(stillframe.capture(ValueError()) is not None)
        _native._panic()
        print(stillframe.capture(ValueError()), stillframe.stats()["internal_panics"])
        """
    )
    assert (result.status, result.out, result.err) == (0, "True\nNone 1\n", "")
    doctor = store.run(COMMAND, "doctor")
    assert doctor.status == 1
    assert "an error inside stillframe switched it off" in doctor.out
    assert "module.rs:" in doctor.out
    assert "secret" not in doctor.out
