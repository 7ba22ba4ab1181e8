"""Programs that send to Datadog's own agent for tests."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import jsonschema
import pytest
from agent import DIAGNOSTICS, V2
from test_datadog import SCHEMA, SHOP
from testagent import PLAIN, WITH_ENDPOINTS, listing, received, test_agent

from support import Result, Store


def run(store: Store, url: str) -> Result:
    return store.enabled(
        SHOP + 'pay("hunter2", 10)\n',
        env={"STILLFRAME_DATADOG_ENABLED": "1", "DD_TRACE_AGENT_URL": url, "DD_SERVICE": "shop", "DD_ENV": "prod", "DD_TAGS": "team:a&b+c"},
    )


@pytest.mark.parametrize("endpoint", [V2, DIAGNOSTICS])
def test_snapshots_are_taken(store: Store, tmp_path: Path, endpoint: str) -> None:
    with test_agent(tmp_path / "agent.log", WITH_ENDPOINTS, **listing(endpoint)) as url:
        assert run(store, url).status == 1
        ((address, headers, snapshots),) = received(url)
    parts = urlsplit(address)
    assert parts.path == endpoint
    tags = parse_qs(parts.query)["ddtags"][0].split(",")
    assert {"env:prod", "team:a&b+c"} < set(tags)
    assert headers["content-type"] == "application/json"
    assert len(snapshots) == 3
    for snapshot in snapshots:
        jsonschema.Draft202012Validator(SCHEMA).validate(snapshot)
    assert "hunter2" not in json.dumps(snapshots)


@pytest.mark.parametrize("lists", [False, True])
def test_without_endpoints_snapshots_wait(store: Store, tmp_path: Path, lists: bool) -> None:
    """As it comes from PyPI; and where it says that it has an endpoint, which it has not."""
    with test_agent(tmp_path / "plain.log", PLAIN, **(listing(V2) if lists else {})) as url:
        result = run(store, url)
        assert result.status == 1
        assert result.err.endswith("KeyError: 'EUR'\n")
        assert not received(url)
    with test_agent(tmp_path / "agent.log", WITH_ENDPOINTS, **listing(V2)) as url:
        assert run(store, url).status == 1
        taken = [snapshot["debugger"]["snapshot"]["id"] for _, _, body in received(url) for snapshot in body]
    assert len(taken) == len(set(taken)) == 6
