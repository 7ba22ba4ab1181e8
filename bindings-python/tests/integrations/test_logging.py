"""Records of ``logging`` that carry the id of the snapshot."""

from __future__ import annotations

from support import Store

PROGRAM = """
import logging, sys
from stillframe.integrations.logging import AddSnapshotId
handler = logging.StreamHandler(sys.stdout)
handler.setFormatter(logging.Formatter("%(message)s [%(stillframe.snapshot.id)s]"))
handler.addFilter(AddSnapshotId())
log = logging.getLogger("shop")
log.addHandler(handler)
log.propagate = False
def convert(currency):
    return {"USD": 1.08}[currency]
try:
    convert("EUR")
except KeyError as error:
    log.exception("failed")
    log.warning("again", exc_info=error)
log.error("nothing was raised")
try:
    convert("GBP")
except KeyError:
    log.warning("expected", exc_info=True)
log.error("odd", exc_info=(None, None, None))
"""


def test_records_carry_the_id_of_the_snapshot(store: Store) -> None:
    result = store.enabled(PROGRAM)
    assert (result.status, result.err) == (0, "")
    (snapshot,) = store.snapshots()
    heads = [line for line in result.out.splitlines() if line.endswith("]") and not line.startswith(" ")]
    ident = f"[{snapshot['id']}]"
    assert heads == [f"failed {ident}", f"again {ident}", "nothing was raised []", "expected []", "odd []"]


def test_without_capturing_every_record_passes_all_the_same(store: Store) -> None:
    result = store.python(PROGRAM)
    assert (result.status, result.err) == (0, "")
    assert next(line for line in result.out.splitlines() if line.endswith("]")) == "failed []"
    assert store.snapshots() == []
