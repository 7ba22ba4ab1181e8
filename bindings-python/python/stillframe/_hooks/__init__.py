"""The places where errors are met, one module each. None of them traces or profiles.

Each module has ``patches(module)``, which says what is replaced in a module of the program. It runs when the program imports that
module, or at once if it has: nothing is imported that the program does not use. Those of other people's libraries are in
``stillframe.integrations``.
"""

from __future__ import annotations

import sys

from stillframe import _failures
from stillframe._hooks.imports import Watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from stillframe._hooks.patch import Patch

HOOKS = {
    # the standard library
    "sys": "stillframe._hooks.interpreter",
    "threading": "stillframe._hooks.threads",
    "code": "stillframe._hooks.consoles",
    "logging": "stillframe._hooks.log_records",
    "traceback": "stillframe._hooks.printed",
    "asyncio.base_events": "stillframe._hooks.event_loops",
    "uvloop": "stillframe._hooks.event_loops",
    "concurrent.futures._base": "stillframe._hooks.futures",
    "concurrent.futures.process": "stillframe._hooks.futures",
    "multiprocessing.process": "stillframe._hooks.workers",
    "multiprocessing.spawn": "stillframe._hooks.workers",
    "multiprocessing.pool": "stillframe._hooks.pools",
    # web frameworks and their servers
    "django.core.signals": "stillframe.integrations.django",
    "django.core.handlers.base": "stillframe.integrations.django",
    "rest_framework.views": "stillframe.integrations.django",
    "flask.app": "stillframe.integrations.flask",
    "quart.app": "stillframe.integrations.flask",
    "starlette.applications": "stillframe.integrations.starlette",
    "starlette._exception_handler": "stillframe.integrations.starlette",
    "starlette.exceptions": "stillframe.integrations.starlette",
    "starlette.middleware.exceptions": "stillframe.integrations.starlette",
    "wsgiref.handlers": "stillframe.integrations.wsgi_servers",
    "werkzeug.serving": "stillframe.integrations.wsgi_servers",
    "gunicorn.workers.base": "stillframe.integrations.wsgi_servers",
    "gunicorn.workers.sync": "stillframe.integrations.wsgi_servers",
    "gunicorn.workers.gthread": "stillframe.integrations.wsgi_servers",
    "gunicorn.workers.base_async": "stillframe.integrations.wsgi_servers",
    "waitress.task": "stillframe.integrations.wsgi_servers",
    "uvicorn.protocols.http.h11_impl": "stillframe.integrations.asgi_servers",
    "uvicorn.protocols.http.httptools_impl": "stillframe.integrations.asgi_servers",
    "uvicorn.protocols.websockets.websockets_impl": "stillframe.integrations.asgi_servers",
    "uvicorn.protocols.websockets.websockets_sansio_impl": "stillframe.integrations.asgi_servers",
    "uvicorn.protocols.websockets.wsproto_impl": "stillframe.integrations.asgi_servers",
    # queues, servers and command lines
    "celery.signals": "stillframe.integrations.celery",
    "celery._state": "stillframe.integrations.celery",
    "billiard.pool": "stillframe.integrations.celery",
    "rq.job": "stillframe.integrations.rq",
    "rq.worker": "stillframe.integrations.rq",
    "rq.worker.base": "stillframe.integrations.rq",
    "gevent.hub": "stillframe.integrations.greenlets",
    "eventlet.hubs.hub": "stillframe.integrations.greenlets",
    "uvicorn.server": "stillframe.integrations.stopping",
    "aiohttp.web_protocol": "stillframe.integrations.aiohttp",
    "click.core": "stillframe.integrations.click",
    "typer._click.core": "stillframe.integrations.click",
    # tracers and logs
    "ddtrace._trace.tracer": "stillframe.integrations.ddtrace",
    "ddtrace.debugging._exception.replay": "stillframe.integrations.ddtrace",
    "loguru._handler": "stillframe.integrations.loguru",
    "opentelemetry.sdk.trace": "stillframe.integrations.opentelemetry",
    "opentelemetry.trace": "stillframe.integrations.opentelemetry",
    "sentry_sdk.client": "stillframe.integrations.sentry",
    "structlog._base": "stillframe.integrations.structlog",
}
"""Which module of ours observes which module of the program."""

_patches: dict[tuple[int, str], Patch] = {}
_switches: dict[str, bool] = {}


def _observe(module: ModuleType) -> None:
    """Puts the hooks into a module that was just imported."""
    try:
        name = HOOKS[module.__name__]
        __import__(name)
        found: list[Patch] = sys.modules[name].patches(module)
        for patch in found:
            patch = _patches.setdefault((id(patch.owner), patch.name), patch)
            if is_on(patch.switch):
                patch.apply()
            else:
                patch.remove()
    except Exception as failure:  # a module that looks different in a version to come
        _failures.count(failure)


_watch = Watch(HOOKS, _observe)


def is_on(switch: str) -> bool:
    """Whether a key of ``hooks`` in the configuration is on."""
    return _switches.get(switch, False)


def install(switches: dict[str, bool]) -> None:
    """Puts in the hooks whose switch is on. Those in place stay as they are; one that was replaced since is put in front again."""
    _switches.update(switches, always=True)
    _watch.start()


def uninstall() -> None:
    """Takes every hook out, or makes it hand through where somebody has hooked onto it."""
    _watch.stop()
    for patch in reversed(list(_patches.values())):
        patch.remove()
