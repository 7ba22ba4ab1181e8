"""``pytest --stillframe``, in runs of pytest of their own."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from support import Result, Store, functions, values

ZOO = Path(__file__).parent / "zoo"
USUAL = ("-p", "no:cacheprovider", "-p", "no:randomly", "-W", "ignore")
SECTION = re.compile(r"-+ stillframe show ([0-9a-f]{8}) -+")
RULE = re.compile(r"([_=-])\1{3,}|_ _ _")


def run(store: Store, *arguments: str, env: dict[str, str | None] | None = None, usual: tuple[str, ...] = USUAL) -> Result:
    """A run of pytest in the folder of programs."""
    environment = {"COLUMNS": "80", "PYTHONIOENCODING": "utf-8", "PYTEST_ADDOPTS": None, **(env or {})}
    return store.run(sys.executable, "-m", "pytest", *usual, *arguments, env=environment)


def sections(text: str) -> list[list[str]]:
    """The lines of our sections, without their titles."""
    found: list[list[str]] = []
    inside = False
    for line in text.splitlines():
        if SECTION.fullmatch(line):
            found.append([])
            inside = True
        elif RULE.match(line):
            inside = False
        elif inside:
            found[-1].append(line)
    return found


def without_ours(text: str) -> str:
    """What pytest says by itself, where nothing differs from run to run."""
    kept = []
    inside = False
    for line in text.splitlines():
        if SECTION.fullmatch(line):
            inside = True
        elif RULE.match(line):
            inside = False
        if not inside and not line.startswith("stillframe: "):
            kept.append(line)
    text = re.sub(r"0x[0-9a-f]+", "0x", "\n".join(kept))
    text = re.sub(r"\b\d{12,}\b", "a thread", text)
    return re.sub(r"=+ (.*) in [\d.]+s( \(\d:\d\d:\d\d\))? =+|in [\d.]+s", r"\1", text)


def fill(store: Store, *names: str) -> None:
    """Copies modules of the zoo as modules of tests."""
    for name in names:
        shutil.copy(ZOO / f"{name}.py", store.programs / (f"test_{name}.py" if name != "documented" else "documented.py"))


SHOP = {
    "shop.py": """
        def price(item, rates):
            rate = rates[item["currency"]]
            return item["price"] * rate
        """,
    "test_shop.py": """
        from shop import price

        def test_price():
            item = {"name": "ink", "price": 4.2, "currency": "EUR"}
            rates = {"USD": 1.08}
            assert price(item, rates) == 4.5
        """,
}


def write(store: Store, files: dict[str, str]) -> None:
    for name, text in files.items():
        store.write(name, text)


def test_the_values_are_shown_right_below_the_traceback(store: Store) -> None:
    write(store, SHOP)
    result = run(store, "--stillframe")
    assert result.status == 1
    lines = result.out.splitlines()
    at = next(number for number, line in enumerate(lines) if SECTION.fullmatch(line))
    assert lines[at - 1] == "shop.py:3: KeyError"
    (section,) = sections(result.out)
    text = "\n".join(section)
    assert section[0].startswith("❯ price  raised here")
    assert section[0].endswith("shop.py:3")
    assert "rates          {'USD': 1.08}" in text
    assert "item.currency  'EUR'" in text
    assert any(line.startswith("❯ test_price") for line in section)
    assert "item   {'name': 'ink', 'price': 4.2, 'currency': 'EUR'}" in text
    assert max(map(len, section)) <= 80

    (snapshot,) = store.snapshots()
    assert functions(snapshot) == ["price", "test_price"]
    assert snapshot["exceptions"][0]["mechanism"] == "pytest"
    assert snapshot["context"]["attributes"] == {"test": "test_shop.py::test_price"}
    short = SECTION.fullmatch(lines[at])
    assert short is not None
    assert snapshot["id"].replace("-", "").endswith(short[1])


def test_the_command_finds_what_was_kept(store: Store) -> None:
    write(store, SHOP)
    home = {"STILLFRAME_DIR": None, "XDG_STATE_HOME": str(store.folder)}
    result = run(store, "--stillframe", env=home)
    (line,) = [line for line in result.out.splitlines() if line.startswith("stillframe: ")]
    assert line == "stillframe: the values of 1 failure are kept: stillframe list --service programs-tests"
    command = [os.path.join(os.path.dirname(sys.executable), "stillframe"), *line.rpartition("stillframe ")[2].split()]
    listed = store.run(*command, env=home)
    assert listed.status == 0, listed.err
    assert "KeyError: 'EUR'" in listed.out


def test_a_store_is_named_by_option_or_setting(store: Store) -> None:
    write(store, SHOP)
    result = run(store, "--stillframe-store", "artefacts", env={"STILLFRAME_DIR": None})
    assert "stillframe list --dir artefacts" in result.out
    assert len(Store(store.programs / "artefacts", store.programs).snapshots()) == 1
    store.write("pytest.ini", "[pytest]\nstillframe = true\nstillframe_store = kept\n")
    folder = store.programs / "deeper"
    folder.mkdir()
    run(store, env={"STILLFRAME_DIR": None})
    result = store.run(sys.executable, "-m", "pytest", *USUAL, "..", env={"STILLFRAME_DIR": None}, cwd=folder)
    assert sections(result.out)
    assert len(Store(store.programs / "kept", store.programs).snapshots()) == 2
    assert store.snapshots() == []


def test_a_project_whose_folder_is_not_utf8(store: Store) -> None:
    folder = os.path.join(store.programs, "caf\udce9")
    os.mkdir(folder)
    for name, text in SHOP.items():
        Path(folder, name).write_text(textwrap.dedent(text))
    command = (sys.executable, "-m", "pytest", *USUAL, "--stillframe")
    environment = {"COLUMNS": "80", "PYTHONIOENCODING": "utf-8", "PYTEST_ADDOPTS": None}
    result = store.run(*command, env=environment, cwd=folder)
    assert len(sections(result.out)) == 1
    assert "--service 'caf?-tests'" in result.out
    result = store.run(*command, "--stillframe-store", "kept", env=environment, cwd=folder)
    assert len(sections(result.out)) == 1
    assert "stillframe: dir: not UTF-8; left out (install())" in result.out
    assert sorted(name for name in os.listdir(folder) if name.startswith(("kept", "caf"))) == []


def test_nothing_is_imported_unless_it_is_asked_for(store: Store) -> None:
    store.write(
        "test_import.py",
        """
        import sys

        def test_import():
            assert "pytest_stillframe" in sys.modules
            assert not [name for name in sys.modules if name.split(".")[0] == "stillframe"]
        """,
    )
    assert run(store).status == 0
    code = "import sys; before = set(sys.modules); import pytest_stillframe; print(sorted(set(sys.modules) - before))"
    assert store.run(sys.executable, "-c", code).out == "['pytest_stillframe']\n"


def test_a_run_in_which_nothing_fails_leaves_nothing(store: Store) -> None:
    store.write("test_fine.py", "def test_fine(): pass\n")
    alone, ours = run(store), run(store, "--stillframe")
    assert without_ours(alone.out) == ours.out.replace(ours.out, without_ours(ours.out))
    assert "stillframe: " not in ours.out
    assert not store.folder.exists()


def test_pytest_does_not_warn_where_capturing_is_on_from_the_start(store: Store) -> None:
    store.write("test_fine.py", "def test_fine(): pass\n")
    options = ("-W", "error", "-p", "no:asyncio", "-p", "no:cacheprovider")
    result = run(store, env={"STILLFRAME_ENABLED": "1"}, usual=options)
    assert (result.status, "Warning" in result.out) == (0, False), result.out


OPTIONS = {
    "usual": (),
    "first": ("-x",),
    "most": ("--maxfail=3",),
    "short": ("--tb=short",),
    "long": ("--tb=long", "-l"),
    "native": ("--tb=native",),
    "no traceback": ("--tb=no",),
    "quiet": ("-q",),
    "verbose": ("-v",),
    "all outputs": ("-rA",),
    "no capture": ("-s",),
    "processes": ("-n", "1"),
    "no rewriting": ("--assert=plain",),
    "no terminal": ("-p", "no:terminal"),
    "reruns": ("--reruns", "1"),
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_pytest_says_and_does_the_same(store: Store, options: tuple[str, ...]) -> None:
    fill(store, "zoo", "broken_import", "missing_module", "documented")
    store.write("test_syntax.py", "def test_x(:\n")
    common = ("--continue-on-collection-errors", "--doctest-modules", *options)
    alone = run(store, *common)
    ours = run(store, *common, "--stillframe")
    assert ours.status == alone.status == 1
    assert without_ours(ours.out) == without_ours(alone.out)
    assert without_ours(ours.err) == without_ours(alone.err)
    shows = not {"--tb=no", "no:terminal"} & set(options)
    assert bool(sections(ours.out)) is shows
    assert store.snapshots()


def test_the_report_for_other_tools_is_the_same(store: Store) -> None:
    fill(store, "zoo")

    def cases(*options: str) -> list[tuple[str, list[tuple[str, str]]]]:
        run(store, *options, "--junitxml=junit.xml", "-o", "junit_logging=all")
        found = ElementTree.parse(store.programs / "junit.xml").iter("testcase")
        return [(case.attrib["name"], [(child.tag, without_ours(child.text or "")) for child in case]) for case in found]

    assert cases("--stillframe") == cases()


def test_values_are_shown_where_output_is_not(store: Store) -> None:
    write(store, SHOP)
    for option in ("--show-capture=no", "--show-capture=stderr"):
        result = run(store, "--stillframe", option, "--color=yes", "--junitxml=junit.xml")
        plain = re.sub(r"\x1b\[[\d;]*m", "", result.out)
        assert len(sections(plain)) == 1, option
    assert "\x1b" not in (store.programs / "junit.xml").read_text()
    assert "#x1B" not in (store.programs / "junit.xml").read_text()


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, dict[str, dict[str, object]]]:
    """A run of all animals: what it said, and the snapshots by the tests' names."""
    folder = tmp_path_factory.mktemp("zoo")
    store = Store(folder / "store", folder / "programs")
    store.programs.mkdir()
    fill(store, "zoo", "broken_import", "missing_module", "documented")
    result = run(store, "--continue-on-collection-errors", "--doctest-modules", "--stillframe")
    return result, {snapshot["context"]["attributes"]["test"].replace("test_zoo.py::", ""): snapshot for snapshot in store.snapshots()}


FAILING = {
    "test_assert": (["test_assert"], {"left", "right"}),
    "test_call": (["deeper", "test_call"], {"half", "number"}),
    "test_hidden_helper": (["test_hidden_helper"], {"value"}),
    "test_param[1]": (["test_param"], {"number"}),
    "test_param[2]": (["test_param"], {"number"}),
    "test_setup": (["broken_setup"], {"size"}),
    "test_teardown": (["broken_teardown"], {"state"}),
    "test_module_one": (["module_fixture"], {"port"}),
    "test_module_two": (["module_fixture"], {"port"}),
    "test_async": (["test_async"], {"answer"}),
    "test_anyio": (["test_anyio"], {"answer"}),
    "TestCase::test_equal": (["test_equal"], {"self", "count"}),
    "TestCase::test_context": (["test_context"], {"self", "expected"}),
    "TestCase::test_subtests": (["test_subtests"], {"self", "number"}),
    "TestSetupClass::test_never": (["setUpClass"], {"cls", "reason"}),
    "test_subtests_fixture": (["test_subtests_fixture"], {"subtests", "number"}),
    "test_raises": (["test_raises"], {"wanted"}),
    "test_fail": (["test_fail"], {"reason"}),
    "test_fail_plain": (["test_fail_plain"], set()),
    "test_xfail_other": (["test_xfail_other"], {"table"}),
    "test_group": (["test_group"], {"found"}),
    "test_chain": (["test_chain"], {"source", "error"}),
    "test_exit": (["test_exit"], {"code"}),
    "test_thread": (["test_thread"], {"work", "thread"}),
    "test_booby": (["test_booby"], {"trap"}),
    "test_hypothesis": (["test_hypothesis", "test_hypothesis"], {"number"}),
    "test_timeout": (["test_timeout"], {"state"}),
}
"""Failing tests: their frames, the raising one first, and the names in that."""


@pytest.mark.parametrize("name", FAILING)
def test_each_kind_of_failure_is_captured(zoo: tuple[Result, dict[str, dict[str, object]]], name: str) -> None:
    expected, names = FAILING[name]
    snapshot = zoo[1][name]
    assert [function.rpartition(".")[2] for function in functions(snapshot)] == expected
    assert set(values(snapshot)) >= names
    assert not [name for name in values(snapshot) if name.startswith("@")]


def test_what_is_no_failure_is_not_captured(zoo: tuple[Result, dict[str, dict[str, object]]]) -> None:
    result, snapshots = zoo
    others = {"test_broken_import.py", "test_missing_module.py", "documented.py::documented.area", "test_recursion"}
    assert set(snapshots) == set(FAILING) | others
    assert f"{len(sections(result.out))} failures" in result.out


def test_a_module_that_cannot_be_imported_shows_its_values(zoo: tuple[Result, dict[str, dict[str, object]]]) -> None:
    for name, expected in (("broken_import", {"SETTING"}), ("missing_module", {"WHERE"})):
        snapshot = zoo[1][f"test_{name}.py"]
        assert [name for name in functions(snapshot) if name != "_exec_module"] == ["<module>"]  # ddtrace's plug-in imports by that
        assert set(values(snapshot)) == expected


def test_a_doctest_shows_its_example(zoo: tuple[Result, dict[str, dict[str, object]]]) -> None:
    snapshot = zoo[1]["documented.py::documented.area"]
    assert functions(snapshot) == ["area", "<module>"]
    assert values(snapshot) == {"width": 3, "height": {"type": "NoneType", "isNull": True}}
    assert snapshot["frames"][1]["source"]["lines"] == ["area(width, None)"]  # type: ignore[index]
    assert any("❯ 1 │ area(width, None)" in line for section in sections(zoo[0].out) for line in section)


def test_nothing_of_a_recursion_but_its_ends_is_told(zoo: tuple[Result, dict[str, dict[str, object]]]) -> None:
    (section,) = [section for section in sections(zoo[0].out) if "down  raised here" in section[0]]
    assert len(section) < 12
    assert any("test_recursion  " in line for line in section[4:])


def test_a_section_stays_short_unless_more_is_asked_for(store: Store) -> None:
    store.write(
        "test_long.py",
        """
        def down(level, **names):
            items = {f"item {number}": {"number": number} for number in range(20)}
            if level == 0:
                raise ValueError(items)
            if level % 2:
                half, double, square = level / 2, level * 2, level**2
                down(level - 1, **names)
            label, previous, following = f"level {level}", level + 1, level - 1
            down(level - 1, **names)

        def test_long():
            settings = {f"setting {number}": "x" * number for number in range(30)}
            down(14, settings=settings)
        """,
    )
    lengths = [len(sections(run(store, "--stillframe", *more).out)[0]) for more in ((), ("-v",), ("-vv",))]
    assert lengths[0] <= 30 < lengths[1] <= 60 < lengths[2], lengths
    assert len(sections(run(store, "--stillframe", "-o", "stillframe_lines=10").out)[0]) <= 10
    assert run(store, "--stillframe", "-o", "stillframe_lines=few").status == 4


def test_processes_share_one_store(store: Store) -> None:
    store.write("test_many.py", "import pytest\n\n@pytest.mark.parametrize('n', range(24))\ndef test_n(n):\n    assert n < 0\n")
    result = run(store, "-n", "3", "--stillframe", "-o", "stillframe_shown=7")
    assert result.status == 1
    assert len(sections(result.out)) == 7
    assert "the values of 24 failures are kept" in result.out
    assert "(17 not shown above: stillframe_shown = 7)" in result.out
    assert sorted(values(snapshot)["n"] for snapshot in store.snapshots()) == list(range(24))
    assert len({snapshot["pid"] for snapshot in store.snapshots()}) > 1


def test_a_process_that_dies_takes_nothing_along(store: Store) -> None:
    store.write(
        "test_dying.py",
        """
        import os, sys, time
        from pathlib import Path

        def test_fails():
            number = 1
            assert number == 2

        def test_dies():
            until = time.monotonic() + 60
            if "READER" in os.environ:
                sys.path.append(os.environ["READER"])
                import spool
                store = Path(os.environ["STILLFRAME_DIR"])
                while time.monotonic() < until and all(record.kind != spool.SNAPSHOT for record in spool.records(store)):
                    time.sleep(0.05)
            os._exit(3)
        """,
    )
    alone = run(store, "-n", "1")
    result = run(store, "-n", "1", "--stillframe", env={"READER": str(Path(__file__).parents[1])})
    assert result.status == alone.status == 1
    assert without_ours(result.out) == without_ours(alone.out)
    assert [values(snapshot) for snapshot in store.snapshots()] == [{"number": 1}]


def test_every_failure_of_a_test_that_is_run_again_is_kept(store: Store) -> None:
    store.write("test_flaky.py", "count = []\n\ndef test_flaky():\n    count.append(1)\n    seen = len(count)\n    assert seen == 3\n")
    result = run(store, "-p", "no:flaky", "--reruns", "2", "--stillframe")
    assert result.status == 0
    assert sections(result.out) == []
    assert [values(snapshot)["seen"] for snapshot in store.snapshots()] == [1, 2]


def test_coverage_is_the_same(store: Store) -> None:
    write(store, SHOP)
    reports = []
    for options in ((), ("--stillframe",)):
        result = run(store, "--cov=shop", "--cov-report=json", "--cov-branch", *options)
        assert result.status == 1
        report = json.loads((store.programs / "coverage.json").read_text())
        reports.append({name: file["executed_lines"] for name, file in report["files"].items()})
    assert reports[0] == reports[1]


def test_colours_are_those_of_pytest(store: Store) -> None:
    write(store, SHOP)
    assert "\x1b[" not in run(store, "--stillframe").out
    coloured = run(store, "--stillframe", "--color=yes").out
    assert "\x1b[32m'EUR'\x1b[0m" in coloured
    ascii_only = run(store, "--stillframe", env={"PYTHONIOENCODING": "ascii"}).out
    assert ascii_only.isascii()
    assert "> price  raised here" in ascii_only


def test_a_program_under_test_may_use_stillframe_itself(store: Store) -> None:
    store.write(
        "test_own.py",
        """
        import logging
        import sys

        import stillframe

        def test_own(tmp_path):
            assert stillframe.stats()["captured"] == 0
            hook = sys.excepthook
            stillframe.install(dir=tmp_path / "own")
            try:
                1 / 0
            except ZeroDivisionError as error:
                snapshot = stillframe.capture(error)
                logging.getLogger().exception("known already")
            assert snapshot.to_dict()["exceptions"][0]["type"] == "ZeroDivisionError"
            assert stillframe.flush()
            assert stillframe.stats()["captured"] == 1
            stillframe.uninstall()
            assert sys.excepthook is hook
            assert list((tmp_path / "own").iterdir())

        def test_own_fails():
            stillframe.install(gate={"rate_per_second": 0})
            number = 5
            assert number == 6

        def test_own_is_off():
            stillframe.uninstall()
            number = 7
            assert number == 8
        """,
    )
    result = run(store, "--stillframe")
    assert "2 failed, 1 passed" in result.out, result.out
    assert [values(snapshot) for snapshot in store.snapshots()] == [{"number": 5}, {"number": 7}]


def test_tests_may_fork(store: Store) -> None:
    store.write(
        "test_fork.py",
        """
        import os

        def test_before():
            number = 1
            assert number == 2

        def test_fork():
            child = os.fork()
            if child == 0:
                os._exit(0)
            status = os.waitpid(child, 0)[1]
            assert status == 1
        """,
    )
    result = run(store, "--stillframe")
    assert "2 failed" in result.out
    assert [values(snapshot).get("status") for snapshot in store.snapshots()] == [None, 0]


def test_the_environment_can_say_no(store: Store) -> None:
    write(store, SHOP)
    result = run(store, "--stillframe", env={"STILLFRAME_ENABLED": "0"})
    assert "stillframe: nothing will be captured: the environment or stillframe.toml switch it off (enabled)" in result.out
    assert sections(result.out) == []
    assert result.status == 1


def test_a_store_that_cannot_be_written_is_told_and_the_values_are_shown(store: Store) -> None:
    write(store, SHOP)
    store.write("blocked", "a file")
    result = run(store, "--stillframe-store", "blocked/store")
    assert result.status == 1
    assert len(sections(result.out)) == 1
    told = [line for line in result.out.splitlines() if line.startswith("stillframe: ")]
    assert len(told) == 2
    assert "blocked/store" in told[1]


def test_an_installed_copy_of_the_project_is_its_own(store: Store) -> None:
    store.write("lib/site-packages/shop/__init__.py", SHOP["shop.py"])
    store.write("src/shop/__init__.py", SHOP["shop.py"])
    store.write("tests/test_shop.py", SHOP["test_shop.py"])
    store.write("pytest.ini", "[pytest]\npythonpath = lib/site-packages\n")
    result = run(store, "--stillframe")
    (section,) = sections(result.out)
    assert section[0].startswith("❯ price  raised here")
    (snapshot,) = store.snapshots()
    assert [frame["inApp"] for frame in snapshot["frames"]] == [True, True]


def test_an_interrupted_run_shows_where_it_was(store: Store) -> None:
    store.write(
        "test_hangs.py",
        """
        import time

        def wait(seconds):
            print("waiting", flush=True)
            time.sleep(seconds)

        def test_hangs():
            state = "stuck"
            wait(60)
        """,
    )
    environment = store.env(COLUMNS="80", PYTHONIOENCODING="utf-8")
    command = [sys.executable, "-m", "pytest", *USUAL, "-s", "--stillframe"]
    process = subprocess.Popen(command, env=environment, cwd=store.programs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.stdout is not None
    lines = []
    while not lines or b"waiting" not in lines[-1]:
        lines.append(process.stdout.readline())
        assert lines[-1], b"".join(lines).decode()
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out = process.communicate(timeout=60)[0].decode()
    assert process.returncode == 2
    assert "!!! KeyboardInterrupt !!!" in out
    (section,) = sections(out)
    assert section[0].startswith("❯ wait  raised here")
    assert any("'stuck'" in line for line in section)


def test_the_debugger_comes_up_as_always(store: Store) -> None:
    write(store, SHOP)
    environment = store.env(COLUMNS="80", PYTHONIOENCODING="utf-8")
    outputs = []
    for options in ((), ("--stillframe",)):
        command = [sys.executable, "-m", "pytest", *USUAL, "--pdb", *options]
        done = subprocess.run(
            command,
            env=environment,
            cwd=store.programs,
            input=b"p rates\nq\n",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=60,
        )
        outputs.append((done.returncode, without_ours(done.stdout.decode())))
    assert outputs[0] == outputs[1]
    assert "{'USD': 1.08}" in outputs[1][1]
    assert len(store.snapshots()) == 1
