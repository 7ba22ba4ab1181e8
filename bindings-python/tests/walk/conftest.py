"""Tests of the walker: each runs on the fast walker and on the fallback, unless it says otherwise."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(params=[False, True], ids=["fast", "fallback"])
def fallback(request: pytest.FixtureRequest) -> bool:
    """Whether the fallback walks."""
    return bool(request.param)
