"""Builds the wheel from an sdist or a checkout, for pip: first the ``stillframe`` command, then, with maturin, all the rest.

pip calls these functions (PEP 517); ``build-wheel`` does the same for the wheels of a release.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import maturin
from maturin import (
    build_sdist,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

PACKAGE = Path(__file__).resolve().parent.parent
WORKSPACE = PACKAGE if (PACKAGE / "core").is_dir() else PACKAGE.parent
"""An sdist has what is in this package beside the other crates."""
PROFILE = os.environ.get("WHEEL_PROFILE", "dist")
"""What the command is compiled with; the extension's is in pyproject.toml, and MATURIN_PEP517_ARGS can override it."""


def build_wheel(folder: str, settings: dict[str, Any] | None = None, metadata: str | None = None) -> str:
    """Builds a wheel and returns its file name."""
    _build_command()
    return maturin.build_wheel(folder, settings, metadata)


def build_editable(folder: str, settings: dict[str, Any] | None = None, metadata: str | None = None) -> str:
    """Builds a wheel that refers to this folder and returns its file name."""
    _build_command()
    return maturin.build_editable(folder, settings, metadata)


def _build_command() -> None:
    """Builds the ``stillframe`` command to where the wheel takes it from."""
    if shutil.which("cargo") is None:
        raise SystemExit(
            "stillframe: there is no wheel for this interpreter and platform, and building one needs cargo; install Rust (rustup), "
            "or use CPython 3.9 to 3.15 on Linux, x86-64"
        )
    target = Path(os.environ.get("CARGO_TARGET_DIR", WORKSPACE / "target" / "pip")).absolute()
    build = ["cargo", "build", "--profile", PROFILE, "--target-dir", str(target)]
    subprocess.run([*build, "-p", "stillframe-explorer", "--bin", "stillframe"], cwd=WORKSPACE, check=True)
    scripts = PACKAGE / "wheel" / "scripts"
    scripts.mkdir(parents=True, exist_ok=True)
    shutil.copy2(target / PROFILE / "stillframe", scripts / "stillframe")
