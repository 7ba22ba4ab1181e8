"""Runners of ``unittest`` that capture."""

from __future__ import annotations

import os
import re
import sys

import pytest

from support import Result, Store, functions, values

TESTS = """
    import unittest

    class TestCart(unittest.TestCase):
        def setUp(self):
            self.prices = [1, 2]

        def test_fine(self):
            pass

        def test_total(self):
            total = sum(self.prices)
            self.assertEqual(total, 4)

        def test_error(self):
            key = "x"
            {}[key]

        def test_parts(self):
            for number in range(3):
                with self.subTest(number=number):
                    self.assertNotEqual(number, 1)

        @unittest.expectedFailure
        def test_expected(self):
            self.fail("as expected")

        @unittest.skip("not here")
        def test_skipped(self):
            pass

    class TestSetUp(unittest.TestCase):
        def setUp(self):
            limit = 0
            1 / limit

        def test_never(self):
            pass

    class TestTearDown(unittest.TestCase):
        def tearDown(self):
            left = ["file"]
            self.assertFalse(left)

        def test_fine(self):
            pass

    class TestClass(unittest.TestCase):
        @classmethod
        def setUpClass(cls):
            port = 80
            raise OSError(port)

        def test_never(self):
            pass
    """

FAILING = {
    "test_cart.TestCart.test_total": (["test_total"], {"self", "total"}),
    "test_cart.TestCart.test_error": (["test_error"], {"self", "key"}),
    "test_cart.TestCart.test_parts (number=1)": (["test_parts"], {"self", "number"}),
    "test_cart.TestSetUp.test_never": (["setUp"], {"self", "limit"}),
    "test_cart.TestTearDown.test_fine": (["tearDown"], {"self", "left"}),
    "setUpClass (test_cart.TestClass)": (["setUpClass"], {"cls", "port"}),
}


def without_ours(text: str) -> str:
    text = re.sub(r"\n\n?(──|--) stillframe show .*\n(?:.+\n)*", "\n", text)
    text = re.sub(r"\nstillframe: .*", "", text)
    return re.sub(r"in [\d.]+s", "", text)


def run(store: Store, module: str, *arguments: str, **env: str | None) -> Result:
    return store.run(sys.executable, "-m", module, *arguments, env={"PYTHONIOENCODING": "utf-8", **env})


@pytest.mark.parametrize("options", [(), ("-v",), ("-f",), ("-b",), ("--locals",), ("test_cart.TestCart",)], ids=str)
def test_the_module_does_what_unittest_does(store: Store, options: tuple[str, ...]) -> None:
    store.write("test_cart.py", TESTS)
    alone = run(store, "unittest", *options)
    ours = run(store, "stillframe.integrations.unittest", *options)
    assert ours.status == alone.status == 1
    assert without_ours(ours.err) == without_ours(alone.err)
    assert ours.out == alone.out
    assert " stillframe show " in ours.err


def test_each_kind_of_failure_is_captured(store: Store) -> None:
    store.write("test_cart.py", TESTS)
    result = run(store, "stillframe.integrations.unittest")
    found = {snapshot["context"]["attributes"]["test"]: snapshot for snapshot in store.snapshots()}
    assert set(found) == set(FAILING)
    for name, (expected, names) in FAILING.items():
        assert [function.rpartition(".")[2] for function in functions(found[name])] == expected
        assert set(values(found[name])) >= names
    assert result.err.count(" stillframe show ") == len(FAILING)
    assert f"stillframe: the values of {len(FAILING)} failures are kept: stillframe list --service programs-tests\n" in result.err
    section = result.err[result.err.index("AssertionError: 3 != 4") :].split("\n\n")[1]
    assert "test_total  raised here" in section
    assert "total  3" in section
    assert "TestCart(prices=[1, 2]" in section


def test_a_runner_of_one_s_own_captures_with_the_mixin(store: Store) -> None:
    store.write("test_cart.py", TESTS)
    store.write(
        "runner.py",
        """
        import sys
        import unittest
        from stillframe.integrations.unittest import CaptureMixin

        class Result(unittest.TextTestResult):
            def addFailure(self, test, err):
                super().addFailure(test, err)
                self.stream.writeln("my own result")

        class Runner(CaptureMixin, unittest.TextTestRunner):
            resultclass = Result

        unittest.main(module="test_cart", testRunner=Runner)
        """,
    )
    result = store.run(sys.executable, "runner.py", env={"STILLFRAME_TEST_STORE": "kept", "STILLFRAME_DIR": None})
    assert result.status == 1
    assert result.err.count("my own result") == 2
    assert "stillframe list --dir kept" in result.err
    assert len(Store(store.programs / "kept", store.programs).snapshots()) == len(FAILING)


def test_the_environment_can_say_no(store: Store) -> None:
    store.write("test_cart.py", TESTS)
    result = run(store, "stillframe.integrations.unittest", STILLFRAME_ENABLED="0")
    assert result.status == 1
    assert "stillframe" not in result.err
    assert not store.folder.exists()


DJANGO = {
    "settings.py": """
        SECRET_KEY = "x"
        INSTALLED_APPS = ["shop"]
        DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
        DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
        USE_TZ = True
        TEST_RUNNER = "runner.Runner"
        """,
    "runner.py": """
        from django.test.runner import DiscoverRunner
        from stillframe.integrations.unittest import CaptureMixin

        class Runner(CaptureMixin, DiscoverRunner):
            pass
        """,
    "shop/__init__.py": "",
    "shop/models.py": """
        from django.db import models

        class Item(models.Model):
            name = models.CharField(max_length=20)
            price = models.IntegerField()
        """,
    "shop/tests.py": """
        from django.test import TestCase
        from shop.models import Item

        class TestItem(TestCase):
            def test_price(self):
                item = Item.objects.create(name="ink", price=4)
                discount = 1
                self.assertEqual(item.price - discount, 4)

        class TestOther(TestCase):
            def test_other(self):
                number = 3
                raise KeyError(number)
        """,
}


@pytest.mark.parametrize("options", [(), ("--parallel=2",), ("--debug-sql",)], ids=["usual", "parallel", "sql"])
def test_django_s_runner_captures_with_the_mixin(store: Store, options: tuple[str, ...]) -> None:
    for name, text in DJANGO.items():
        store.write(name, text)
    command = (sys.executable, "-m", "django", "test", *options)
    environment = {"DJANGO_SETTINGS_MODULE": "settings", "PYTHONPATH": os.fspath(store.programs), "PYTHONIOENCODING": "utf-8"}
    result = store.run(*command, env=environment)
    assert result.status == 1, result.err
    found = {snapshot["context"]["attributes"]["test"]: snapshot for snapshot in store.snapshots()}
    assert set(found) == {"shop.tests.TestItem.test_price", "shop.tests.TestOther.test_other"}
    assert values(found["shop.tests.TestItem.test_price"])["discount"] == 1
    assert result.err.count(" stillframe show ") == 2
    assert "price=4" in result.err
