"""Tests beside other people's libraries, each with the real thing.

There are two worlds: ``requirements/*-new.txt`` are the versions that PyPI has now, ``requirements/*-old.txt`` the oldest major versions
that people still run. ``tools/test-integrations`` makes an environment of each and runs these tests in it.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
