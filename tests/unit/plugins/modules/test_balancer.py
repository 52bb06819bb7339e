# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module makes of its options and of the core's answer."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Callable, ClassVar

import pytest
from ansible.module_utils.basic import AnsibleModule

from ansible_collections.strata.deploy.plugins.module_utils._fleet import balancers
from ansible_collections.strata.deploy.plugins.module_utils._fleet.balancers.protocol import (
    Definition,
    Member,
)

RunModule = Callable[..., dict[str, Any]]

BALANCER = {"provider": "memory", "pool": "shop", "token": "s3cret"}
OPTIONS = {"balancer": BALANCER, "interval": 0.001}


class InMemory:
    """A pool of two, which outlives the module's run."""

    NAME = "memory"
    OPTIONS: ClassVar[Mapping[str, Any]] = {
        "pool": {"type": "str", "required": True},
        "token": {"type": "str", "no_log": True},
        "weight": {"type": "int", "default": 7},
    }
    members: ClassVar[dict[str, Member]]
    busy = 0

    def __init__(self, options: Mapping[str, Any]) -> None:
        assert options == {"pool": "shop", "token": "s3cret", "weight": 7}
        self.pool = options["pool"]

    def validate(self) -> None:
        pass

    def read(self, owned: Mapping[str, Definition]) -> dict[str, Member]:
        return dict(self.members)

    def sessions(self, names: Collection[str]) -> dict[str, int]:
        return dict.fromkeys(names, self.busy)

    def drain(self, names: Collection[str]) -> None:
        self.members.update({name: Member("drained", definition={"dial": name}) for name in names})

    def seconds_until_noticed(self, names: Collection[str]) -> float:
        return 0.0

    def restore(self, definitions: Mapping[str, Definition]) -> None:
        self.members.update({name: Member("ready", definition=definitions[name]) for name in definitions})


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> type[InMemory]:
    InMemory.members = {name: Member("ready", 2, True, "200", {"dial": name}) for name in ("a:1", "b:1")}
    monkeypatch.setattr(InMemory, "busy", 0)
    monkeypatch.setitem(balancers.PROVIDERS, InMemory.NAME, InMemory)
    return InMemory


def test_it_drains_and_tells_the_whole_pool(run_module: RunModule, pool: type[InMemory]) -> None:
    result = run_module("balancer", {**OPTIONS, "members": ["a:1"], "state": "drained"})
    assert result["changed"]
    assert result["members"] == {
        "a:1": {
            "state": "drained",
            "sessions": 0,
            "health": "",
            "definition": {"dial": "a:1"},
            "backup": False,
        },
        "b:1": {
            "state": "ready",
            "sessions": 2,
            "health": "200",
            "definition": {"dial": "b:1"},
            "backup": False,
        },
    }
    assert result["diff"] == {
        "before": {"a:1": "ready", "b:1": "ready"},
        "after": {"a:1": "drained", "b:1": "ready"},
    }
    assert (result["before"], result["ready"], result["left_alone"]) == (result["diff"]["before"], 1, [])
    assert result["seconds"] >= 0
    again = run_module("balancer", {**OPTIONS, "members": ["a:1"], "state": "drained"})
    assert not again["changed"]


def test_a_drain_that_leaves_a_member_alone_is_none_that_ansible_has_skipped(
    run_module: RunModule, pool: type[InMemory]
) -> None:
    pool.members["b:1"] = Member("maintenance")
    result = run_module(
        "balancer", {**OPTIONS, "members": ["a:1", "b:1"], "state": "drained", "min_ready": "0"}
    )
    assert (result["changed"], result["left_alone"]) == (True, ["b:1"])
    assert "skipped" not in result


def test_check_mode_tells_the_same_and_changes_nothing(run_module: RunModule, pool: type[InMemory]) -> None:
    result = run_module("balancer", {**OPTIONS, "members": ["a:1"], "state": "drained"}, check=True)
    assert (result["changed"], result["ready"]) == (True, 1)
    assert result["diff"]["after"]["a:1"] == "drained"
    assert pool.members["a:1"].state == "ready"


def test_a_refusal_is_a_failure_with_its_facts(run_module: RunModule, pool: type[InMemory]) -> None:
    result = run_module("balancer", {**OPTIONS, "members": ["a:1"], "state": "drained", "min_ready": "100%"})
    assert result["failed"]
    assert "min_ready=100% asks for 2" in result["msg"]
    assert (result["ready"], result["left"], result["minimum"]) == (2, 1, 2)


def test_a_drain_that_took_too_long_is_a_change_too(
    run_module: RunModule, pool: type[InMemory], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "busy", 3)
    result = run_module("balancer", {**OPTIONS, "members": ["a:1"], "state": "drained", "timeout": 0.01})
    assert (result["failed"], result["changed"], result["sessions"]) == (True, True, {"a:1": 3})


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"provider": "haproxi"}, "no load balancer 'haproxi' (did you mean 'haproxy'?"),
        ({"pool": "shop"}, "not named. Set 'provider'"),
        ({**BALANCER, "pool": None}, "missing required arguments: pool"),
        ({**BALANCER, "tokne": "s3cret"}, "'tokne' is unknown (did you mean 'token'?"),
    ],
)
def test_a_dictionary_that_is_not_valid_is_refused_before_the_balancer_is_contacted(
    run_module: RunModule, pool: type[InMemory], given: dict[str, Any], error: str
) -> None:
    result = run_module("balancer", {"balancer": given, "members": ["a:1"], "state": "drained"})
    assert result["failed"]
    assert error in result["msg"]
    assert pool.members["a:1"].state == "ready"


def test_the_secrets_of_a_provider_are_hidden_and_its_other_options_are_not(
    run_module: RunModule, pool: type[InMemory], monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[str] = []
    monkeypatch.setattr(AnsibleModule, "log", lambda self, msg, **_: logged.append(str(msg)))
    result = run_module("balancer", {**OPTIONS, "members": [], "state": "ready"})
    assert logged
    assert "s3cret" not in f"{result}{logged}"
    assert result["invocation"]["module_args"]["balancer"]["pool"] == "shop"
