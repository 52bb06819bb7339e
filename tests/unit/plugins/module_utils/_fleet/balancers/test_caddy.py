# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the provider reads from Caddy's configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from fixtures.caddy_members import App

from ansible_collections.strata.deploy.plugins.module_utils._fleet.balancers import caddy as caddy_module


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
