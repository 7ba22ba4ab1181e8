"""``pytest --stillframe``: the values of failing tests.

Every run of pytest imports this module where stillframe is installed, whether it is asked for or not. So it imports nothing; what it
is asked for is in ``stillframe.integrations.pytest``.

PYTEST_DONT_REWRITE
"""


def pytest_addoption(parser):
    """Adds the options, and their settings for ``pytest.ini``."""
    group = parser.getgroup("stillframe", "stillframe: the values of failing tests")
    group.addoption("--stillframe", action="store_true", default=False, help="show the values of failing tests below their tracebacks")
    group.addoption(
        "--stillframe-store",
        metavar="DIR",
        help="keep what was captured in this directory; implies --stillframe",
    )
    parser.addini("stillframe", "as if --stillframe were given always", type="bool", default=False)
    parser.addini("stillframe_store", "as if --stillframe-store were given, relative to the root directory", default="")
    parser.addini("stillframe_lines", "lines of values below a failure (default: 30, with -v 60, with -vv as many as it takes)", default="")
    parser.addini("stillframe_shown", "failures of a run below which values are shown (default: 100); all are kept", default="100")


def pytest_configure(config):
    """Puts the plug-in in, if it is asked for."""
    asked = config.getoption("stillframe") or config.getoption("stillframe_store") is not None
    if asked or config.getini("stillframe"):
        from stillframe.integrations.pytest import plugin

        config.pluginmanager.register(plugin(config), "stillframe-values")
