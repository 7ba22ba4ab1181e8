"""``stillframe prove`` with a program's own classes, and ``stillframe demo``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from stillframe import prove
from support import COMMAND, Store

MODELS = """
import abc, dataclasses, enum

class Loud:
    def __init__(self, n=1): self.n = n
    def __repr__(self): raise SystemExit("ran")
    def __eq__(self, other): raise SystemExit("ran")
    def __hash__(self): raise SystemExit("ran")
    @property
    def lazy(self): raise SystemExit("ran")
class Needs:
    def __init__(self, name): self.name = name
class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self): ...
class Color(enum.Enum):
    RED = 1
@dataclasses.dataclass(frozen=True)
class Price:
    amount: int = 1
class Bag(dict):
    def __missing__(self, key): raise SystemExit("ran")
def needs(): return Needs(Loud())
def broken(): raise ValueError("no database")
order = Needs([Loud(), Bag(a=1)])
"""


@pytest.fixture
def models(store: Store) -> Store:
    store.write("models.py", MODELS)
    return store


def test_what_is_not_captured_has_noticed_nothing(store: Store) -> None:
    """A configuration that excludes the error that the proof fails with: nothing is proved, and nobody is blamed."""
    result = store.run(COMMAND, "prove", env={"STILLFRAME_GATE_EXCLUDE": "KeyError"})
    assert result.status == 2
    summary = result.out.splitlines()[-2:]
    assert "nothing noticed the capture" in summary[0]
    assert summary[1].endswith("of them were not captured, which proves nothing")
    assert "gate.exclude" in result.err


@pytest.mark.fast()
@pytest.mark.parametrize("target", ["Loud", "Needs", "Shape", "Color", "Price", "Bag", "needs", "order"])
def test_nothing_of_a_class_runs(models: Store, target: str) -> None:
    result = models.run(COMMAND, "prove", f"models:{target}", "--json")
    assert result.status == 0, result.out + result.err
    proofs = json.loads(result.out)["proofs"]
    assert {proof["target"] for proof in proofs} == {f"models:{target}"}
    assert all(proof["ran"] == [] for proof in proofs)
    tried = {proof["kind"] for proof in proofs if proof["notTried"] is None}
    assert tried >= {
        "Loud": {"the class", "an object", "an object without its constructor", "a subclass, everything a trap", "in containers"},
        "Needs": {"the class", "an object without its constructor", "in containers"},
        "needs": {"what it makes", "in containers"},
        "order": {"the object", "in containers"},
    }.get(target, {"the class"})
    missing = {proof["kind"]: proof["notTried"] for proof in proofs if proof["notTried"]}
    assert ("an object" in missing) == (target in ("Needs", "Shape", "Color"))
    if target == "Needs":
        assert "name a factory" in missing["an object"] and "name" in missing["an object"]


@pytest.mark.fast()
def test_several_targets_are_told_one_by_one(models: Store) -> None:
    result = models.run(COMMAND, "prove", "models:Loud", "models:needs")
    assert result.status == 0, result.err
    assert "models:Loud\n  the class " in result.out and "\n\nmodels:needs\n  what it makes " in result.out
    assert "7 captures: nothing noticed the capture" in result.out


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("models", "expected module:Class"),
        ("nothing_like_it:X", "cannot import nothing_like_it"),
        ("models:Nothing", "has no attribute 'Nothing'"),
        ("models:broken", "no database"),
    ],
)
def test_what_cannot_be_proved_is_said(models: Store, target: str, said: str) -> None:
    result = models.run(COMMAND, "prove", target)
    assert result.status == 2 and said in result.err
    assert result.out == ""


def test_a_capture_that_runs_something_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "quiet_models.py").write_text("class Quiet:\n    def __repr__(self): return 'quiet'\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    def careless(error: BaseException) -> object:
        assert error.__traceback__ is not None and error.__traceback__.tb_next is not None
        try:
            return repr(error.__traceback__.tb_next.tb_frame.f_locals["value"])
        except RuntimeError:
            return "a trap was sprung"

    proofs = {proof.name: proof.wrong for proof in prove.prove(careless, ["quiet_models:Quiet"])}
    assert any("quiet_models.py:__repr__" in what for what in proofs["an object"])
    assert proofs["a subclass, everything a trap"][0] == "ran Trapped.__repr__"
    nothing = prove.prove(lambda error: None, ["quiet_models:Quiet"])
    assert all("nothing was captured" in proof.wrong for proof in nothing if not proof.not_tried)


def test_the_demonstration_captures_and_leaks_nothing(store: Store, tmp_path: Path) -> None:
    told = store.run(COMMAND, "demo", "--json")
    assert told.status == 0, told.err
    found = json.loads(told.out)
    assert (found["captured"], found["secretsPlanted"], found["secretsStored"]) == (3, 4, 0)
    assert {issue["type"] for issue in found["issues"]} == {"KeyError", "TimeoutError", "json.decoder.JSONDecodeError"}
    assert not store.folder.exists(), "the demonstration has a store of its own"
    kept = store.run(COMMAND, "demo", "--keep", tmp_path / "kept", "--python", sys.executable)
    assert kept.status == 0, kept.err
    for part in [
        "stillframe run demo_shop.py",
        "KeyError: 'EUR'",
        "3 issues, 4 errors",
        "currency    'EUR'",
        "4 secrets were planted",
        "none is",
    ]:
        assert part in kept.out, kept.out
    assert (tmp_path / "kept" / "demo_shop.py").exists()
    again = store.run(COMMAND, "show", env={"STILLFRAME_DIR": str(tmp_path / "kept" / "store")})
    assert again.out.startswith("KeyError: 'EUR'")
