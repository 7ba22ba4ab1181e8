import asyncio
import sys
import threading
import time
import unittest
import warnings

import hypothesis
import hypothesis.strategies
import pytest

LIMIT = 3


def helper(value):
    __tracebackhide__ = True
    inner = value + 1
    assert inner == 0


def deeper(number):
    half = number / 2
    return 1 / (half - half)


def test_pass():
    print("output of a test that passes")


def test_assert():
    left = [1, 2, 3]
    right = [1, 2, 4]
    print("output of a test that fails")
    print("error output", file=sys.stderr)
    assert left == right


def test_call():
    number = 5
    assert deeper(number) == 3


def test_hidden_helper():
    value = 41
    helper(value)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_param(number):
    assert number < 1


@pytest.fixture
def broken_setup():
    size = 12
    raise RuntimeError(f"no room for {size}")


def test_setup(broken_setup):
    pass


@pytest.fixture
def broken_teardown():
    state = {"open": True}
    yield state
    assert not state["open"]


def test_teardown(broken_teardown):
    pass


@pytest.fixture(scope="module")
def module_fixture():
    port = 99999
    raise OSError(f"port {port}")


def test_module_one(module_fixture):
    pass


def test_module_two(module_fixture):
    pass


def test_no_fixture(unknown_fixture):
    pass


@pytest.mark.asyncio
async def test_async():
    answer = await asyncio.sleep(0, 42)
    assert answer == 43


@pytest.mark.anyio
async def test_anyio():
    answer = 1
    await asyncio.sleep(0)
    assert answer == 2


@pytest.fixture
def anyio_backend():
    return "asyncio"


def test_group():
    found = [ValueError("one"), KeyError("two")]
    if sys.version_info < (3, 11):
        raise found[0]
    raise ExceptionGroup("several", found)  # noqa: F821 - from 3.11 on


class TestCase(unittest.TestCase):
    def setUp(self):
        self.basket = ["apple"]

    def test_equal(self):
        count = len(self.basket)
        self.assertEqual(count, 2)

    def test_context(self):
        expected = 3  # noqa: F841 - to be seen
        with self.assertRaises(ValueError):
            int("3")

    @unittest.expectedFailure
    def test_expected(self):
        self.fail("as expected")

    def test_subtests(self):
        for number in range(3):
            with self.subTest(number=number):
                self.assertNotEqual(number, 1)


class TestSetupClass(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        reason = "class"
        raise RuntimeError(reason)

    def test_never(self):
        pass


def test_subtests_fixture(subtests):
    for number in range(3):
        with subtests.test("part", number=number):
            assert number != 1


def test_raises():
    wanted = ValueError
    with pytest.raises(wanted):
        pass


def test_fail():
    reason = "because"
    pytest.fail(reason)


def test_fail_plain():
    pytest.fail("no traceback", pytrace=False)


def test_skip():
    pytest.skip("not here")


@pytest.mark.xfail
def test_xfail():
    value = 1
    assert value == 2


@pytest.mark.xfail(strict=True)
def test_xpass_strict():
    pass


@pytest.mark.xfail(raises=KeyError)
def test_xfail_other():
    table = {}
    table.index("x")


def test_chain():
    source = "x"
    try:
        int(source)
    except ValueError as error:
        raise LookupError(source) from error


def test_exit():
    code = 3
    sys.exit(code)


def test_recursion():
    def down(level):
        return down(level + 1)

    down(0)


def test_warning():
    warnings.warn("careful", stacklevel=1)


def test_thread():
    def work():
        pass

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert not thread.daemon and thread.name == ""


class Booby:
    def __repr__(self):
        raise RuntimeError("repr was called")

    def __eq__(self, other):
        return False


def test_booby():
    trap = Booby()
    assert trap == 1


def test_print():
    """Last."""


@hypothesis.settings(deadline=None, database=None)
@hypothesis.given(hypothesis.strategies.integers())
def test_hypothesis(number):
    assert number < 10


@pytest.mark.timeout(0.2, method="signal")
def test_timeout():
    state = "waiting"
    while state:
        time.sleep(0.01)
