"""A program: Datadog's agent for tests with endpoints for snapshots, which it keeps like all else that it takes."""

from __future__ import annotations

from typing import Any

from agent import DIAGNOSTICS, V2
from aiohttp import web
from ddapm_test_agent import agent as theirs


def main() -> None:
    plain = theirs.make_app

    def make_app(*args: Any, **options: Any) -> web.Application:
        app = plain(*args, **options)
        handlers = (getattr(route.handler, "__self__", None) for route in app.router.routes())
        own = next(handler for handler in handlers if isinstance(handler, theirs.Agent))

        # It keeps what comes to these, and tells only what its own handlers took. That of profiles takes anything.
        app.router.add_post(V2, own.handle_v1_profiling)
        app.router.add_post(DIAGNOSTICS, own.handle_v1_profiling)
        return app

    theirs.make_app = make_app
    theirs.main()


if __name__ == "__main__":
    main()
