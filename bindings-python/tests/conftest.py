"""Fixtures of all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from support import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store in a folder of its own, and a folder for programs."""
    programs = tmp_path / "programs"
    programs.mkdir()
    return Store(tmp_path / "store", programs)
