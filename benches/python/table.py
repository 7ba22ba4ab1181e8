"""One table of all rows: ``table.py ROWS [--json FILE] [--about TEXT]...``. ROWS has one JSON object a line."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

HEAD = ("row", "ours", "compared to", "theirs", "ratio", "target", "")
NUMBERS = {1, 3, 4}
Row = dict[str, Any]


def judge(row: Row) -> tuple[str, str]:
    """The target in words, and whether it was met or by how much it was missed."""
    target = row.get("target")
    if not target:
        return "", ""
    kind, bound = ("most", target["most"]) if "most" in target else ("least", target["least"])
    value = {"value": row["value"], "ratio": row.get("ratio"), "times": 1 / row["ratio"] if row.get("ratio") else None}[target["of"]]
    sign = "<=" if kind == "most" else ">="
    words = (
        f"{sign} {figure(bound)} {row['unit']}"
        if target["of"] == "value"
        else f"{sign} {figure(bound)}x" + (" less" if target["of"] == "times" else "")
    )
    if value is None:
        return words, "not measured"
    missed = value / bound if kind == "most" else bound / value
    return words, "met" if missed <= 1 else f"missed by {100 * (missed - 1):.0f} %"


def figure(value: float) -> str:
    """Three digits, or all before the point."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def compare(row: Row) -> str:
    """Ours in parts of theirs, or the other way round, whichever is more than one."""
    ratio = row.get("ratio")
    if not ratio:
        return ""
    return f"{figure(ratio)}x" if ratio > 0.5 else f"{figure(1 / ratio)}x less"


def cells(row: Row) -> list[str]:
    """One line of the table."""
    theirs = figure(row["against_value"]) if row.get("against") else ""
    return [row["row"], f"{figure(row['value'])} {row['unit']}", row.get("against") or "", theirs, compare(row), *judge(row)]


def main() -> None:
    """Prints the table, and writes it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--about", action="append", default=[])
    options = parser.parse_args()
    rows: list[Row] = [json.loads(line) for line in options.rows.read_text().splitlines()]
    for row in rows:
        if row.get("against") and not row.get("ratio") and row["against_value"]:
            row["ratio"] = row["value"] / row["against_value"]
    order = list(dict.fromkeys(["gate", "walk", "tape", "queue", *(row["stage"] for row in rows)]))
    rows.sort(key=lambda row: order.index(row["stage"]))
    lines = [list(HEAD), *map(cells, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    out = [*options.about, ""]
    stage = ""
    for number, line in enumerate(lines):
        row = rows[number - 1] if number else {"stage": ""}
        if row["stage"] != stage:
            stage = row["stage"]
            out.append(f"-- {stage} " + "-" * (sum(widths) + 2 * len(widths) - len(stage) - 4))
        padded = [cell.rjust(width) if column in NUMBERS else cell.ljust(width) for column, (cell, width) in enumerate(zip(line, widths))]
        out.append("  ".join(padded).rstrip())
        if row.get("note"):
            out.append(f"    {row['note']}")
    verdicts = [judge(row)[1] for row in rows]
    out += ["", f"{verdicts.count('met')} targets met, {sum(verdict not in ('', 'met') for verdict in verdicts)} missed"]
    print("\n".join(out))
    if options.json:
        options.json.write_text(json.dumps({"about": options.about, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
