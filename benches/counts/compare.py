"""Compares counts with their bounds, or records them (BLESS=1): compare.py LIST COUNTS BOUNDS."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

TOLERANCE = 1.05
# Allocations are exact where they are few. A path without a bound here may allocate.
ALLOCATION_FREE = {"gate-flag", "gate-closed", "gate-refused", "tape-write", "names", "scan-10", "scan-100", "hand-off"}
# Writing a tape from C, in every way.
ALLOCATION_FREE |= {f"c-{way}-{data}" for way in ("inline", "inline-redact", "calls", "calls-redact") for data in "abc"}
ALLOCATION_FREE |= {"c-shaped-a", "c-walked-a"}


def main() -> int:
    """Prints one line for each count; 1 if one is over its bound."""
    listed, counted, bounds_file = map(Path, sys.argv[1:4])
    per_run = {row["path"]: row["per_run"] for row in map(json.loads, listed.read_text().splitlines())}
    counts: dict[str, dict[str, float]] = {}
    for row in map(json.loads, counted.read_text().splitlines()):
        path = counts.setdefault(row["path"], {})
        if "instructions" in row:
            path["instructions"] = round(row["instructions"] / per_run[row["path"]], 2)
        else:
            path["allocations"] = row["allocations"]
    not_free = [name for name in sorted(ALLOCATION_FREE) if counts[name]["allocations"] > 0]
    for name in not_free:
        print(f"counts: {name} allocates, {counts[name]['allocations']} times an operation; it must not")
    if os.environ.get("BLESS"):
        bounds_file.write_text(json.dumps(counts, indent=1) + "\n")
        print(f"counts: recorded {len(counts)} paths in {bounds_file}")
        return int(bool(not_free))
    if not bounds_file.exists():
        print(f"counts: no bounds are recorded. To record them: BLESS=1 benches/counts/check, and commit {bounds_file}")
        return 1
    bounds = json.loads(bounds_file.read_text())
    over = len(not_free)
    for name, kinds in counts.items():
        for kind, count in kinds.items():
            bound = bounds.get(name, {}).get(kind)
            if bound is None:
                print(f"counts: {name} has no bound for its {kind} ({count:g})")
                over += 1
                continue
            ratio = count / bound if bound else float(count > 0) * 2
            mark = "OVER" if ratio > TOLERANCE else "    "
            over += ratio > TOLERANCE
            print(
                f"{mark} {name:16} {kind:13} {count:12,.2f}  bound {bound:12,.2f}  {100 * (ratio - 1):+6.1f} %"
                if bound
                else f"{mark} {name:16} {kind:13} {count:12,.2f}  bound {bound:12,.2f}"
            )
    gone = bounds.keys() - counts.keys()
    if gone:
        print(f"counts: no longer counted: {', '.join(sorted(gone))}")
    if over or gone:
        print(f"counts: {over} over the bound by more than 5 %. If that is meant: BLESS=1 benches/counts/check, and commit bounds.json")
    return int(bool(over or gone))


if __name__ == "__main__":
    sys.exit(main())
