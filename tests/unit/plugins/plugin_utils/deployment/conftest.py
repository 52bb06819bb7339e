# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts as Ansible's hostvars show them at the end of a play."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.model import Deployment
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.reader import read_deployment


class Fleet:
    """Builds ``hostvars`` for web hosts behind one balancer and a worker without one."""

    hosts = ("web1", "web2", "worker1")

    def __init__(self) -> None:
        self.variables: dict[str, dict[str, Any]] = {host: {} for host in self.hosts}
        self.variables["localhost"] = {}
        for host in ("web1", "web2"):
            self.variables[host]["fleet_rolling_member"] = f"member-{host}"

    def runs(self, version: str | None, *hosts: str, healthy: bool = True, **more: Any) -> Fleet:
        current = {"version": version, "state": "good", "since": "2026-01-01T00:00:00Z"} if version else None
        for host in hosts or self.hosts:
            plan = {
                "current": current,
                "healthy": healthy,
                "changed": False,
                "pending": None,
                "migrations": [],
                "releases": [],
                **more,
            }
            self.variables[host]["__artifact_plan"] = plan
        return self

    def result(self, register: str, *hosts: str, **result: Any) -> Fleet:
        for host in hosts:
            self.variables[host][register] = result
        return self

    def batch(self, *hosts: str, drain: bool = True, **more: Any) -> Fleet:
        """The batch of these hosts has begun, and drains their members."""
        members = [f"member-{host}" for host in hosts if host.startswith("web") and drain]
        return self.result(
            "__fleet_rolling_batch",
            *hosts,
            **{"go": True, "drain": members, "recorded": {}, "record": {}, "analyse": False, **more},
        )

    def deployment(self, *, check_mode: bool = False, **opened: Any) -> Deployment:
        """The deployment as the reader builds it; ``settings`` and the rest as an earlier phase returned them."""
        settings = {"balancers": ["lb1"], **opened.pop("settings", {})}
        given = {"id": "d1", "app": "shop", "version": "2.0", "layers": ["artifact", "fleet"], **opened}
        return read_deployment(
            self.variables, {"fleet": list(self.hosts), "settings": settings, **given}, check_mode=check_mode
        )

    def pool(self, **states: str) -> Fleet:
        members = {
            f"member-{host}": {"state": state, "sessions": 0, "definition": {"dial": host}}
            for host, state in states.items()
        }
        self.variables["localhost"]["__fleet_rolling_pool"] = {
            "results": [{"item": "lb1", "members": members}]
        }
        return self


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()
