"""Globals: those that a frame's line uses are shown, if they are data."""

from __future__ import annotations

import dis
import gc
import math
import opcode
import sys
from math import sqrt
from typing import Any

import pytest
from walking import Snapshot, caught, plain

from stillframe._runtime import native

RATES = {"USD": 1.08, "GBP": 0.86}
SETTINGS = {"host": "db", "password": "hunter2"}
api_token = "hunter2"
LIMIT = 10


class Kind:
    """A class, which is a definition."""


def helper() -> int:
    """A function, which is one too."""
    return 1


def statics(found: Snapshot, function: str) -> dict[str, Any]:
    """The globals shown of a function's frame."""
    return {name: plain(node) for name, node in found.function(function).get("statics", {}).items()}


def test_the_line_of_each_frame(fallback: bool) -> None:
    def convert(currency: str) -> float:
        assert SETTINGS
        return RATES[currency]

    def total(count: int) -> float:
        before = convert("GBP")
        return before + LIMIT * convert("EUR") * count

    found = Snapshot(caught(lambda: total(3)), fallback=fallback)
    assert statics(found, "convert") == {"RATES": RATES}
    assert statics(found, "total") == {"LIMIT": 10}


@pytest.mark.since(3, 11)  # instructions have no caches before
def test_caches_are_no_instructions() -> None:
    entries: Any = opcode._inline_cache_entries  # type: ignore[attr-defined]
    expected = [0] * 256
    for name, number in dis._all_opmap.items():  # type: ignore[attr-defined]
        base = dis.deoptmap.get(name, name).removeprefix("INSTRUMENTED_")  # type: ignore[attr-defined]
        if number < 256 and base in opcode.opmap:
            expected[number] = entries.get(base, 0) if hasattr(entries, "get") else entries[opcode.opmap[base]]
    assert list(native._inline_caches) == expected


def test_definitions_are_none(fallback: bool) -> None:
    def fail(missing: str) -> Any:
        return (helper(), Kind, math, sqrt, len, RATES[missing])

    assert statics(Snapshot(caught(lambda: fail("x")), fallback=fallback), "fail") == {"RATES": RATES}


def test_an_expression_over_several_lines(fallback: bool) -> None:
    def fail() -> Any:
        return [
            LIMIT,
            RATES["EUR"],
        ]

    shown = statics(Snapshot(caught(fail), fallback=fallback), "fail")
    assert shown["RATES"] == RATES
    assert "SETTINGS" not in shown


def test_names_hide_globals_too(fallback: bool) -> None:
    def fail() -> Any:
        return api_token, SETTINGS, RATES["EUR"]

    found = Snapshot(caught(fail), fallback=fallback)
    assert found.function("fail")["statics"]["api_token"]["notCapturedReason"] == "redactedIdent"
    assert b"hunter2" not in found.tape


def test_a_global_that_is_gone_and_one_of_the_builtins(fallback: bool) -> None:
    def fail() -> Any:
        return nowhere + len(RATES)  # type: ignore[name-defined]  # noqa: F821

    assert statics(Snapshot(caught(fail), fallback=fallback), "fail") == {"RATES": RATES}


def test_many_names(fallback: bool) -> None:
    """Names whose index needs more than a byte, in a namespace of its own."""
    names = [f"name{number}" for number in range(600)]
    lines = ["def fail():", *(f"    {name}" for name in names), "    return name599[name3]"]
    namespace: dict[str, Any] = {name: number for number, name in enumerate(names)}
    exec("\n".join(lines), namespace)
    found = statics(Snapshot(caught(namespace["fail"]), fallback=fallback), "fail")
    assert found == {"name599": 599, "name3": 3}


def test_a_line_that_runs_often(fallback: bool) -> None:
    """The interpreter rewrites its instructions after some runs."""

    def convert(currency: str) -> float:
        return RATES[currency] + LIMIT

    for _ in range(5000):
        convert("USD")
    assert statics(Snapshot(caught(lambda: convert("EUR")), fallback=fallback), "convert") == {"RATES": RATES, "LIMIT": 10}


class Hostile(str):
    """A name whose comparison and hash are the program's."""

    armed = False

    def __hash__(self) -> int:
        assert not Hostile.armed
        return hash("RATES")

    def __eq__(self, other: object) -> bool:
        assert not Hostile.armed
        return False


def test_a_namespace_with_names_of_the_programs_own(fallback: bool) -> None:
    namespace: dict[Any, Any] = {Hostile("RATES"): 1, 7: 2, ("RATES",): 3, "RATES": RATES}
    exec("def fail():\n    return RATES['EUR']", namespace)
    error = caught(namespace["fail"])
    Hostile.armed = True
    try:
        found = Snapshot(error, fallback=fallback)
    finally:
        Hostile.armed = False
    assert statics(found, "fail") == {"RATES": RATES}


def test_removed_and_added_entries(fallback: bool) -> None:
    """The index of a namespace has holes, and its entries are more than a byte can number."""
    namespace: dict[str, Any] = {f"name{number}": number for number in range(400)}
    for number in range(0, 400, 3):
        del namespace[f"name{number}"]
    namespace.update({f"late{number}": number for number in range(300)})
    exec("def fail():\n    return [name1, name398, late0, late299, name3]", namespace)
    found = Snapshot(caught(namespace["fail"]), fallback=fallback)
    assert statics(found, "fail") == {"name1": 1, "name398": 398, "late0": 0, "late299": 299}


def test_code_of_a_module_has_its_globals_as_variables(fallback: bool) -> None:
    error = caught(lambda: exec("RATES = {}\nRATES['EUR']", {"__name__": "shop"}))
    found = Snapshot(error, fallback=fallback)
    assert "statics" not in found.raising and plain(found.locals()["RATES"]) == {}


def test_nothing_is_kept_alive(fallback: bool) -> None:
    def fail() -> Any:
        return RATES["EUR"]

    gc.collect()  # what other tests left to it
    before = sys.getrefcount(RATES)
    Snapshot(caught(fail), fallback=fallback)
    Snapshot(caught(fail), fallback=fallback)
    assert sys.getrefcount(RATES) == before
