"""Snapshots as text, and recorders: engines beside the one of the process."""

from __future__ import annotations

import json
import re

import pytest

from support import Store

FAIL = """
    import stillframe

    def divide(total, count):
        return total / count

    def average(numbers):
        names = {f"number {at}": number for at, number in enumerate(numbers)}
        label = "größe 漢字"
        return divide(sum(numbers), len(names) - len(numbers))

    def fail():
        try:
            average([1, 2, 3])
        except ZeroDivisionError as error:
            return error
    """


def test_text_is_as_wide_as_the_terminal_and_in_colours_if_wanted(store: Store) -> None:
    done = store.python(
        FAIL
        + """
    import json, sys
    stillframe.install()
    snapshot = stillframe.capture(fail())
    texts = {width: snapshot.to_text(width=width) for width in (40, 80, 120)}
    texts["coloured"] = snapshot.to_text(colour=True)
    texts["ascii"] = snapshot.to_text(unicode=False)
    texts["short"] = snapshot.to_text(lines=9)
    texts["narrow and short"] = snapshot.to_text(width=1, lines=1)
    json.dump(texts, sys.stdout)
    """
    )
    texts = json.loads(done.out)
    for width in ("40", "80", "120"):
        assert texts[width].startswith("ZeroDivisionError: ")
        # 漢字 takes four columns.
        assert max(len(line) + 2 * ("漢字" in line) for line in texts[width].splitlines()) <= int(width)
    assert re.sub(r"\x1b\[[\d;]*m", "", texts["coloured"]) == texts["80"] != texts["coloured"]
    assert ">" in texts["ascii"].splitlines()[4]
    assert texts["ascii"].replace("größe 漢字", "").isascii()
    assert 5 <= len(texts["short"].splitlines()) <= 9
    assert texts["short"].splitlines()[1].startswith("❯ divide  raised here")
    assert max(map(len, texts["narrow and short"].splitlines())) <= 40


def test_a_recorder_is_apart_from_the_process_and_from_others(store: Store) -> None:
    done = store.python(
        FAIL
        + """
    import os
    from stillframe._runtime import native

    error = fail()
    one, other = (native.Recorder({"dir": f"{name}"}, "a test", "test") for name in ("one", "other"))
    assert stillframe.capture(error) is None  # nothing is installed
    first = one.capture(error, None, False, "test", None)
    assert first.short_id == first.id.replace("-", "")[-8:]
    stillframe.install()
    assert stillframe.capture(error) is not None
    stillframe.uninstall()
    second = other.capture(error, None, True, "test", {"attributes": {"where": "here"}})
    assert stillframe.capture(error) is None
    assert "ZeroDivisionError" in first.to_text(80, False, True)
    assert json.loads(second.to_json())["context"] == {"attributes": {"where": "here"}}
    assert [json.loads(recorder.stats())["admitted_explicit"] for recorder in (one, other)] == [1, 1]

    child = os.fork()
    if child == 0:
        one.after_fork()
        third = one.capture(error, None, False, "child", None)
        os._exit(0 if third is not None and one.flush() and "ZeroDivisionError" in first.to_text(80, False, True) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert one.flush() and other.stop() and other.capture(error, None, False, "test", None) is None
    assert os.path.basename(one.directory()) == "one"
    """.replace("import os\n", "import json, os\n")
    )
    assert done.status == 0, done.err
    assert [mechanism for _, mechanism, _ in Store(store.programs / "one", store.programs).errors()] == ["test", "child"]
    assert Store(store.programs / "other", store.programs).errors() == [("ZeroDivisionError", "test", True)]
    assert store.errors() == [("ZeroDivisionError", "capture", True)]


def test_a_recorder_tells_what_is_wrong_with_its_configuration(store: Store) -> None:
    done = store.python(
        """
        from stillframe._runtime import native
        recorder = native.Recorder({"limits": {"depth": 99}}, None)
        print(recorder.problems)
        print(recorder.settings())
        """
    )
    problems, settings = done.out.splitlines()
    assert "limits.depth" in problems
    assert json.loads(settings)["limits.depth"] == "4"


@pytest.mark.parametrize(("given", "soft"), [(None, "20 ms"), ("1 ms", "1 ms")])
def test_a_recorder_takes_longer_unless_it_is_told_not_to(store: Store, given: str | None, soft: str) -> None:
    done = store.python(
        "from stillframe._runtime import native\nprint(native.Recorder({}, None).settings())\n", env={"STILLFRAME_LIMITS_SOFT_TIME": given}
    )
    assert json.loads(json.loads(done.out)["limits.soft_time"]) == soft
