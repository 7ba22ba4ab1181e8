"""CPython's own tests raise thousands of errors of every kind. Each is captured.

Their outcome is the same with us as without; every scalar that we show equals what the frames hold; whatever we do not show says why.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from support import Store

HERE = Path(__file__).parent
MODULES = {
    "test_exceptions": 30,
    "test_generators": 1,
    "test_coroutines": 20,
    "test_dict": 50,
    "test_list": 50,
    "test_set": 100,
    "test_int": 50,
    "test_float": 30,
    "test_bytes": 100,
    "test_unicode" if sys.version_info < (3, 13) else "test_str": 100,
    "test_collections": 30,
    "test_functools": 20,
    "test_contextlib": 20,
    "test_dataclasses": 30,
    "test_enum": 30,
    "test_fractions": 20,
    "test_statistics": 100,
    "test_struct": 50,
    "test_uuid": 10,
    "test_ipaddress": 100,
    "test_configparser": 30,
    "test_asyncio.test_futures": 20,
    "test_asyncio.test_locks": 10,
}
"""The modules, and how many errors each has at least: that the collector meets them is tested, too."""

MORE = """
    argparse array ast base64 baseexception binascii bisect bool buffer builtin bz2 calendar call class cmath codecs compare complex contains
    context copy csv datetime decimal defaultdict deque descr dictviews difflib enumerate except_star exception_group exception_hierarchy
    exception_variations filecmp fileio format frame fstring funcattrs genericalias getopt gettext glob graphlib hash hashlib heapq hmac html
    htmlparser http_cookies index io isinstance iter itertools json keywordonlyarg linecache long marshal math memoryio memoryview metaclass
    mimetypes minidom named_expressions netrc operator optparse ordered_dict pathlib patma pickle plistlib pow pprint property queue raise
    random range re reprlib richcmp sched scope secrets shelve shlex slice sort string strptime structseq subclassinit super tempfile
    textwrap threading_local time tokenize traceback tuple types typing unary unicodedata unpack unpack_ex urlparse userdict userlist
    userstring weakref weakset with xml_etree yield_from zipfile zlib
""".split()
"""With ``DIFFERENTIAL=full`` in the environment, these as well (some ten minutes), as far as this version has them."""

if os.environ.get("DIFFERENTIAL") == "full":
    MODULES.update({f"test_{name}": 0 for name in MORE if importlib.util.find_spec(f"test.test_{name}")})


def available() -> bool:
    return importlib.util.find_spec("test.test_exceptions") is not None


@pytest.fixture(scope="module", autouse=True)
def _test_suite_is_here() -> None:
    if not available():
        reason = f"CPython's own tests are not installed (Debian: libpython{sys.version_info[0]}.{sys.version_info[1]}-testsuite)"
        assert not os.environ.get("STRICT"), reason
        pytest.skip(reason)


def run(store: Store, mode: str, module: str) -> dict[str, Any]:
    path = store.programs / f"{mode}.json"
    store.timeout = 600
    environment = {"PYTHONHASHSEED": "0", "STILLFRAME_SPOOL_ENABLED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    result = store.run(sys.executable, HERE / "collect.py", mode, f"test.{module}", path, env=environment)
    assert path.exists(), result.err[-3000:]
    document: dict[str, Any] = json.loads(path.read_text())
    return document


@pytest.mark.parametrize("module", MODULES)
def test_outcomes_are_the_same(store: Store, module: str) -> None:
    plain = run(store, "plain", module)
    ours = run(store, "capture", module)
    assert len(plain["outcomes"]) > (3 if MODULES[module] else 0)
    assert ours["outcomes"] == plain["outcomes"]
    assert ours["captured"] >= MODULES[module]
    assert ours["refused"] == 0
    assert "failures" not in ours["stats"]


@pytest.mark.parametrize("module", MODULES)
def test_what_is_shown_is_true(store: Store, module: str) -> None:
    judged = run(store, "compare", module)
    assert judged["wrong"] == []
    assert judged["captured"] >= MODULES[module]
    assert judged["scalars"] >= (judged["captured"] if MODULES[module] else 0)
