"""Destinations beyond this machine from Python: how they are configured, when they are delivered to, and what people are told.

What is sent is tested elsewhere (``integrations/test_datadog.py``, ``test_wires.py``); here it only has to arrive.
"""

from __future__ import annotations

import json
import socket
import ssl
import sys
import threading
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from receiving import Receiver, receiving
from support import COMMAND, PATIENT, Result, Store

SECRET = "f00dfacef00dfacef00dfacef00dface"
AGENT = json.dumps({"version": "7.60.0", "endpoints": ["/debugger/v1/input", "/debugger/v2/input", "/debugger/v1/diagnostics"]}).encode()
BEGIN = (
    PATIENT
    + """
import json, logging, os, signal, sys, threading, time
import stillframe
log = logging.getLogger("x")
log.addHandler(logging.NullHandler())
log.propagate = False
def note(text):
    try:
        raise ValueError(text)
    except ValueError:
        log.exception(text)
"""
)


@pytest.fixture
def agent() -> Generator[Receiver, None, None]:
    with receiving(answer=AGENT) as receiver:
        yield receiver


def sent(receiver: Receiver) -> list[str]:
    """The texts of the errors that were delivered to the agent."""
    bodies = [json.loads(request.body) for request in receiver.requests if "debugger" in request.path]
    return [text for body in bodies for item in body for text in [text_of(item)] if text is not None]


def text_of(item: dict[str, Any]) -> str | None:
    """The argument ``text`` of the frame, if it has one."""
    (lines,) = item["debugger"]["snapshot"]["captures"]["lines"].values()
    value = lines["arguments"].get("text", {}).get("value")
    return value.strip("'") if value else None


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def doctor(store: Store, **env: str | None) -> Result:
    return store.run(COMMAND, "doctor", "--width", "200", env=env)


def sending(result: Result) -> str:
    """The lines of ``doctor`` about what is sent."""
    lines = result.out.splitlines()
    begins = [at for at, line in enumerate(lines) if line[2:].startswith("sending")]
    assert begins, result.out
    found = [lines[begins[0]]]
    for line in lines[begins[0] + 1 :]:
        if line[2:3] not in ("", " "):
            break
        found.append(line)
    return " ".join(" ".join(found).split())  # however they are wrapped


@pytest.mark.parametrize("way", ["arguments", "tables", "environment", "file"])
def test_ways_to_configure(store: Store, agent: Receiver, way: str) -> None:
    install, env = "stillframe.install()", {}
    if way == "arguments":
        install = f"stillframe.install(datadog_enabled=True, datadog_agent_url={agent.url!r})"
    elif way == "tables":
        install = f"stillframe.install(datadog={{'enabled': True, 'agent_url': {agent.url!r}}})"
    elif way == "environment":
        env = {"STILLFRAME_DATADOG_ENABLED": "1", "DD_TRACE_AGENT_URL": agent.url}
    else:
        store.write("stillframe.toml", f'[datadog]\nenabled = true\nagent_url = "{agent.url}"\n')
    result = store.python(BEGIN + install + "\nnote('one')\n", env=env)
    assert (result.status, result.err) == (0, ""), result.err
    assert sent(agent) == ["one"]
    stats = store.processes()[-1]["stats"]["destinations"]["datadog"]
    assert (stats["sent"], stats["waiting"], stats["address"]) == (1, 0, agent.url)
    report = doctor(store)
    assert report.status == 0, report.out
    assert f"datadog, {agent.url}: 1 sent, the last " in sending(report)


def test_stillframe_run_passes_it_through(store: Store, agent: Receiver) -> None:
    program = store.write("program.py", PATIENT + "def fail(text):\n    raise KeyError(text)\nfail('run')\n")
    result = store.run(COMMAND, "run", program, env={"STILLFRAME_DATADOG_ENABLED": "1", "DD_TRACE_AGENT_URL": agent.url})
    assert result.status == 1 and "stillframe show" in result.err
    assert "run" in sent(agent)


def test_flush_and_stats(store: Store, agent: Receiver) -> None:
    result = store.python(
        BEGIN
        + f"""
stillframe.install(datadog_enabled=True, datadog_agent_url={agent.url!r})
for number in range(20):
    note(str(number))
assert stillframe.flush(30)
found = stillframe.stats()["destinations"]["datadog"]
assert (found["sent"], found["waiting"], found["rejected"], found["dropped"], found["retries"]) == (20, 0, 0, 0, 0), found
assert "last_error" not in found
print(json.dumps(found))
os._exit(0)
"""
    )
    assert result.status == 0, result.err
    assert sorted(sent(agent)) == sorted(map(str, range(20)))


@pytest.mark.parametrize(
    ("end", "status"),
    [
        ("", 0),
        ("raise ValueError", 1),
        ("sys.exit(3)", 3),
        ("signal.signal(signal.SIGTERM, lambda *_: sys.exit(9)); os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)", 9),
        (
            "import multiprocessing; one = multiprocessing.get_context('fork').Process(target=note, args=('worker',)); one.start(); one.join()",
            0,
        ),
    ],
)
def test_the_end_of_the_process_delivers(store: Store, agent: Receiver, end: str, status: int) -> None:
    program = f"stillframe.install(datadog_enabled=True, datadog_agent_url={agent.url!r})\nnote('first')\n"
    result = store.python(BEGIN + program + end)
    assert result.status == status, result.err
    assert "first" in sent(agent)
    assert ("worker" in sent(agent)) == ("worker" in end)


def test_forked_children_deliver_their_own(store: Store, agent: Receiver) -> None:
    result = store.python(
        BEGIN
        + f"""
stillframe.install(datadog_enabled=True, datadog_agent_url={agent.url!r})
note("parent")
assert stillframe.flush(30)
for number in range(3):
    child = os.fork()
    if not child:
        note(f"child {{number}}")
        stillframe.flush(30)
        os._exit(0)
    os.waitpid(child, 0)
note("parent again")
"""
    )
    assert result.status == 0, result.err
    found = sent(agent)
    assert sorted(found) == ["child 0", "child 1", "child 2", "parent", "parent again"]


def test_an_outage_costs_nothing_but_time(store: Store) -> None:
    """What was captured while the agent was down waits, is told of, and is sent by the next program."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    install = f"stillframe.install(datadog_enabled=True, datadog_agent_url={url!r})\n"
    begun = time.monotonic()
    result = store.python(BEGIN + install + "note('down')\nnote('down too')\nassert stillframe.flush(30)\n")
    assert (result.status, result.err) == (0, ""), result.err
    assert time.monotonic() - begun < 60
    report = doctor(store)
    said = sending(report)
    assert report.status == 1
    assert f"! sending datadog, {url}: nothing sent yet; 2 items in the outbox (" in said
    assert "the connection is refused: nothing listens there" in said
    assert "stillframe send" in said
    assert report.out.count("connection is refused") == 1  # not under settings as well

    with receiving(answer=AGENT, port=port) as agent:
        result = store.python(BEGIN + install + "assert stillframe.flush(30)\n")
        assert (result.status, result.err) == (0, ""), result.err
        assert sorted(sent(agent)) == ["down", "down too"]
    report = doctor(store)
    assert "in the outbox" not in report.out


def test_one_that_hangs_does_not_keep_the_process(store: Store) -> None:
    hold = threading.Event()
    with receiving(answer=AGENT, hold=hold) as agent:
        begun = time.monotonic()
        result = store.python(
            BEGIN[len(PATIENT) :]
            + f"stillframe.install(datadog_enabled=True, datadog_agent_url={agent.url!r})\nnote('waits')\nsys.exit(4)\n"
        )
        ended = time.monotonic() - begun
        hold.set()
    assert (result.status, result.err) == (4, ""), result.err
    assert ended < 60  # two seconds and a busy machine
    assert "1 item in the outbox" in sending(doctor(store))


def test_a_wrong_key(store: Store) -> None:
    with receiving(status=403, answer=b'{"errors":["Forbidden"]}') as intake:
        result = store.python(
            BEGIN
            + f"stillframe.install(datadog_enabled=True, datadog_agentless=True, datadog_api_key={SECRET!r}, datadog_url={intake.url!r})\nnote('one')\n"
        )
        assert (result.status, result.err) == (0, ""), result.err
        assert intake.requests[0].headers["dd-api-key"] == SECRET
    report = doctor(store)
    said = sending(report)
    assert report.status == 1
    assert "Datadog refuses the API key (403" in said and "check datadog.api_key (DD_API_KEY)" in said
    assert "1 item in the outbox" in said
    assert SECRET not in report.out


def test_nowhere_to_store_anything(store: Store, agent: Receiver) -> None:
    (store.folder.parent / "file").write_text("")
    env = {"STILLFRAME_DIR": str(store.folder.parent / "file" / "store")}
    result = store.python(BEGIN + f"stillframe.install(datadog_enabled=True, datadog_agent_url={agent.url!r})\nnote('one')\n", env=env)
    assert (result.status, result.err) == (0, ""), result.err
    assert sent(agent) == ["one"]


def test_secrets_are_shown_nowhere(store: Store) -> None:
    result = store.python(
        BEGIN
        + f"""
import warnings
warned = warnings.catch_warnings(record=True).__enter__()
warnings.simplefilter("always")
stillframe.install(
    datadog={{"enabled": True, "agentless": True, "api_key": "{SECRET}", "url": "http://user:{SECRET}@127.0.0.1:9/"}},
    otlp={{"enabled": True, "endpoint": "http://user:{SECRET}@127.0.0.1:9/v1/logs?key={SECRET}", "headers": {{"api-key": "{SECRET}"}}}},
    sentry={{"enabled": True, "dsn": "http://{SECRET}@127.0.0.1:9/7"}},
    upload={{"proxy": "http://user:{SECRET}@127.0.0.1:9/"}},
)
note("one")
stillframe.flush()
from stillframe._runtime import native
print(stillframe.stats(), native.settings(), native.notices(), stillframe.install)
stillframe.install(sentry={{"enabled": True, "dsn": "{SECRET}"}}, datadog={{"api_key": ["{SECRET}"]}})
note("two")
print(*[one.message for one in warned])
"""
    )
    assert result.status == 0, result.err
    assert "sentry.dsn" in result.out
    assert "[hidden]" in result.out
    told = doctor(store)
    machine = store.run(COMMAND, "doctor", "--json")
    counters = store.run(COMMAND, "stats")
    more = store.run(COMMAND, "stats", "--json")
    for text in (result.out, result.err, told.out, machine.out, counters.out, more.out, json.dumps(store.processes())):
        assert SECRET not in text
    for name in ("datadog", "otlp", "sentry"):
        assert f"{name}, http" in told.out


if sys.version_info < (3, 15):  # what makes certificates cannot be installed there yet, and TLS is the same everywhere
    import trustme

    @pytest.fixture(scope="module")
    def authority() -> trustme.CA:
        return trustme.CA()

    def tls_of(authority: trustme.CA) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        return context

    @pytest.mark.parametrize("trusted", [True, False])
    def test_tls(store: Store, authority: trustme.CA, tmp_path: Path, trusted: bool) -> None:
        file = tmp_path / "authority.pem"
        authority.cert_pem.write_to_path(str(file))
        more = f", upload={{'ca_file': {str(file)!r}}}" if trusted else ""
        with receiving(answer=AGENT, tls=tls_of(authority)) as agent:
            result = store.python(BEGIN + f"stillframe.install(datadog_enabled=True, datadog_agent_url={agent.url!r}{more})\nnote('one')\n")
            assert (result.status, result.err) == (0, ""), result.err
            assert sent(agent) == (["one"] if trusted else [])
        said = sending(doctor(store))
        if not trusted:
            assert "signed by an authority that is not trusted here: set upload.ca_file" in said


def test_callback_and_destinations_get_the_same(store: Store, agent: Receiver) -> None:
    with receiving() as collector:
        result = store.python(
            BEGIN
            + f"""
stillframe.install(
    on_snapshot=lambda snapshot: print(snapshot.id),
    datadog_enabled=True, datadog_agent_url={agent.url!r},
    otlp_enabled=True, otlp_endpoint={collector.url + "/v1/logs"!r},
)
note("one")
"""
        )
        assert (result.status, result.err) == (0, ""), result.err
        [body] = [request.body for request in collector.requests]
    [identity] = result.out.split()
    [stored] = store.snapshots()
    assert stored["id"] == identity
    assert identity.encode() in body
    assert sent(agent) == ["one"]


def test_nothing_of_it_is_there_when_it_is_off(store: Store) -> None:
    result = store.python(
        BEGIN
        + """
stillframe.install()
note("one")
stillframe.flush()
print("destinations" in stillframe.stats(), sorted(name for name in os.listdir(os.environ["STILLFRAME_DIR"]) if name == "outbox"))
"""
    )
    assert (result.status, result.out.split()) == (0, ["False", "[]"]), result.err
    assert "sending" not in doctor(store).out
