# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the provider reads from Caddy's configuration."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from fixtures.caddy_members import App

from ansible_collections.strata.deploy.plugins.module_utils._core import http as _http
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._fleet.balancers import caddy as caddy_module
from ansible_collections.strata.deploy.plugins.module_utils._fleet.balancers.caddy import Caddy


@pytest.fixture
def apps() -> Iterator[list[App]]:
    apps = [App() for _ in range(3)]
    yield apps
    for app in apps:
        app.let_go.set()
        app.shutdown()
        app.server_close()


@pytest.mark.parametrize(
    ("active", "healthy"),
    [
        ({}, None),
        ({"uri": "/health"}, False),
        ({"path": "/health"}, False),
        ({"uri": "/other"}, True),
        ({"uri": "/health", "expect_status": 503}, True),
        ({"uri": "/health", "expect_status": 5}, True),
        ({"uri": "/other", "expect_status": 204}, False),
        ({"uri": "/health", "upstream": "OTHER", "method": "POST", "body": "x"}, True),
        ({"uri": "/health", "port": "OTHER"}, True),
        ({"uri": "/slow", "timeout": "20ms", "fails": 2}, False),
    ],
)
def test_the_probe_is_the_handlers_own_active_check(
    apps: list[App], active: dict[str, Any], healthy: bool | None
) -> None:
    apps[0].health = 503
    if active.get("upstream"):
        active = {**active, "upstream": apps[1].name}
    if active.get("port"):
        active = {**active, "port": apps[1].server_address[1]}
    assert caddy_module.probe({"health_checks": {"active": active}}, apps[0].name)[0] is healthy


@pytest.mark.parametrize(
    ("name", "transport"),
    [
        ("unix//run/shop.sock", {}),
        ("127.0.0.1:1", {"protocol": "fastcgi"}),
        ("127.0.0.1:1", {"protocol": "http", "tls": {}}),
    ],
)
def test_a_check_that_cannot_be_done_here_says_nothing(name: str, transport: Mapping[str, Any]) -> None:
    handler = {"transport": transport, "health_checks": {"active": {"uri": "/"}}}
    assert caddy_module.probe(handler, name) == (None, "")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1m30s", 90), ("250ms", 0.25), (2_000_000_000, 2), (None, 7), (0, 7), ("1.5h", 5400)],
)
def test_durations_are_read_as_caddy_writes_them(text: object, seconds: float) -> None:
    assert caddy_module._seconds(text, 7.0) == pytest.approx(seconds)


HANDLER = {"handler": "reverse_proxy", "upstreams": [{"dial": "a:1"}, {"dial": "b:1"}]}
COUNTS = [{"address": "a:1", "num_requests": 2, "fails": 0}]


def caddy(monkeypatch: pytest.MonkeyPatch, handler: object, counts: object = COUNTS) -> Caddy:
    """One whose admin API answers so: bytes as they are, everything else as JSON."""

    def answer(method: str, url: str, **_options: Any) -> _http.Response:
        body = counts if url.endswith("/reverse_proxy/upstreams") else handler
        return _http.Response(
            200, {"etag": "1"}, body if isinstance(body, bytes) else json.dumps(body).encode()
        )

    monkeypatch.setattr(_http, "request", answer)
    return Caddy({"address": "http://127.0.0.1:2019", "pool": "shop"})


def handler(**more: object) -> dict[str, object]:
    return {**HANDLER, **more}


def active(**more: object) -> dict[str, object]:
    return handler(health_checks={"active": {"uri": "/", **more}})


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>502 Bad Gateway</html>",
        b"[" * 100_000,
        None,
        [],
        "reverse_proxy",
        handler(upstreams={"a:1": {}}),
        handler(upstreams="a:1"),
        handler(upstreams=["a:1"]),
        handler(upstreams=[{"dial": 1}]),
        handler(upstreams=[None]),
        handler(transport=[]),
        handler(transport={"protocol": 1}),
        handler(load_balancing="first"),
        handler(load_balancing={"selection_policy": "first"}),
        handler(load_balancing={"selection_policy": {"policy": "weighted_round_robin", "weights": 1}}),
        handler(health_checks=True),
        handler(health_checks={"active": "/health"}),
        active(uri=["/"]),
        active(port="80"),
        active(method=1),
        active(headers=["Host"]),
        active(headers={"Host": "a"}),
        active(headers={"Host": [1]}),
        active(body={}),
        active(fails="3"),
        active(fails=True),
        active(interval=[]),
        active(expect_status="2"),
    ],
    ids=str,
)
def test_a_handler_that_is_malformed_is_an_error(monkeypatch: pytest.MonkeyPatch, answer: object) -> None:
    provider = caddy(monkeypatch, answer)
    for act in (
        lambda: provider.read({}),
        lambda: provider.sessions(["a:1"]),
        lambda: provider.drain(["a:1"]),
    ):
        with pytest.raises(StrataError, match=r"Caddy's admin API|not a reverse_proxy handler"):
            act()


@pytest.mark.parametrize(
    "counts",
    [
        b"",
        None,
        {},
        "a:1",
        [None],
        ["a:1"],
        [{}],
        [{"address": "a:1"}],
        [{"address": 1, "num_requests": 1}],
        [{"address": "a:1", "num_requests": "1"}],
        [{"address": "a:1", "num_requests": True}],
        [{"address": "a:1", "num_requests": 1.5}],
    ],
    ids=str,
)
def test_counts_that_are_malformed_are_an_error(monkeypatch: pytest.MonkeyPatch, counts: object) -> None:
    provider = caddy(monkeypatch, HANDLER, counts)
    with pytest.raises(StrataError, match="is this Caddy's admin API"):
        provider.read({})


def test_what_caddy_leaves_out_or_gives_as_null_is_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    nulls = handler(
        transport=None, load_balancing=None, health_checks={"active": None}, dynamic_upstreams=None
    )
    assert {name: member.state for name, member in caddy(monkeypatch, nulls).read({}).items()} == {
        "a:1": "ready",
        "b:1": "ready",
    }
    assert caddy(monkeypatch, {"handler": "reverse_proxy", "upstreams": None}, []).read({}) == {}
    assert caddy(monkeypatch, active(fails=None, headers={"Host": None})).read({})["a:1"].healthy is not None


def weighted(*weights: int) -> dict[str, object]:
    policy = {"policy": "weighted_round_robin", "weights": list(weights)}
    return handler(load_balancing={"selection_policy": policy})


def test_a_member_whose_weight_is_0_gets_no_request(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = caddy(monkeypatch, weighted(1, 0))
    assert {name: member.state for name, member in provider.read({}).items()} == {
        "a:1": "ready",
        "b:1": "maintenance",
    }
    assert provider.sessions(["a:1", "b:1", "gone:1"]) == {"b:1": 0, "gone:1": 0}


def test_weights_go_by_position_so_no_upstream_may_be_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = caddy(monkeypatch, weighted(3, 1))
    with pytest.raises(StrataError, match="weights go by position"):
        provider.drain(["a:1"])
    with pytest.raises(StrataError, match="weights go by position"):
        provider.restore({"c:1": {"dial": "c:1"}})


def test_dynamic_upstreams_cannot_be_drained(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StrataError, match="dynamic_upstreams"):
        caddy(monkeypatch, handler(dynamic_upstreams={"source": "a"})).read({})


def test_a_slot_that_is_no_text_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    slot = tmp_path / "web1"
    slot.write_bytes(b"\xff\xfe")
    provider = caddy(monkeypatch, handler(upstreams=[{"dial": f"{{file.{slot}}}"}]))
    with pytest.raises(StrataError, match="must exist on the balancer's host as a text file"):
        provider.read({})


def test_user_and_password_of_the_address_go_with_each_request_and_into_no_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[dict[str, str]] = []

    def request(_method: str, url: str, *, headers: dict[str, str], **_options: object) -> _http.Response:
        asked.append(headers)
        assert url.startswith("http://127.0.0.1:2019/")
        return _http.Response(404, {}, b"")

    monkeypatch.setattr("ansible_collections.strata.deploy.plugins.module_utils._core.http.request", request)
    balancer = Caddy({"address": "http://anna:hunter2@127.0.0.1:2019/", "pool": "shop"})
    balancer.validate()
    with pytest.raises(StrataError, match="has no object") as raised:
        balancer.read({})
    assert asked[0]["Authorization"] == "Basic YW5uYTpodW50ZXIy"
    assert "hunter2" not in str(raised.value)
