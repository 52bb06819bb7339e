# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from testinfra.host import Host

OLD, NEW = "19.6.0", "26.5.0"
WEB = ("web1", "web2", "web3", "web4")
LB = ("lb1", "lb2")

each_host = pytest.mark.parametrize("name", WEB)
each_balancer = pytest.mark.parametrize("balancer", LB)


def shown(host: Host, *properties: str) -> dict[str, str]:
    said = host.check_output("systemctl show --property=%s kinto.service", ",".join(properties))
    return dict(line.split("=", 1) for line in said.splitlines())


@each_host
def test_the_link_leads_to_the_new_release_and_the_old_one_is_kept(
    on: Callable[[str], Host], name: str
) -> None:
    current = on(name).file("/srv/kinto/current")
    assert current.is_symlink
    assert current.linked_to == f"/srv/kinto/releases/{NEW}"
    assert sorted(on(name).file("/srv/kinto/releases").listdir()) == [OLD, NEW]


@each_host
def test_the_service_may_read_its_release_and_not_write_to_it(on: Callable[[str], Host], name: str) -> None:
    writable = "find -L /srv/kinto/current -not -user root -or -not -type l -perm /022"
    assert on(name).check_output(writable) == ""
    assert on(name).run("runuser -u kinto -- test -r /srv/kinto/current/bin/kinto").rc == 0


@each_host
def test_the_unit_runs_the_new_release_as_its_own_user(on: Callable[[str], Host], name: str) -> None:
    unit = shown(on(name), "ActiveState", "NRestarts", "User", "MainPID", "Environment")
    assert (unit["ActiveState"], unit["NRestarts"], unit["User"]) == ("active", "0", "kinto")
    assert "PYTHONPYCACHEPREFIX=/var/cache/kinto" in unit["Environment"]
    process = on(name).process.get(pid=unit["MainPID"])
    assert process.user == "kinto"
    environment = on(name).check_output("runuser -u kinto -- cat /proc/%s/environ", unit["MainPID"])
    assert f"PYTHONPATH=/srv/kinto/releases/{NEW}/lib" in environment.split("\0")


@each_host
def test_it_listens_and_tells_the_new_version(on: Callable[[str], Host], name: str) -> None:
    assert on(name).socket("tcp://0.0.0.0:8888").is_listening
    asked = (
        "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8888/v1/__version__').read().decode())"
    )
    assert json.loads(on(name).check_output("python3 -c %s", asked))["version"] == NEW


@each_balancer
def test_every_member_is_up_and_has_answered(pool: Callable[[str], Any], balancer: str) -> None:
    members = pool(balancer)
    assert {name: member["status"] for name, member in members.items() if name != "BACKEND"} == dict.fromkeys(
        WEB, "UP"
    )
    assert all(int(members[name]["hrsp_2xx"]) > 0 for name in WEB)


def test_the_fleet_was_switched_in_two_batches(on: Callable[[str], Host]) -> None:
    started = {name: int(shown(on(name), "ExecMainStartTimestampMonotonic").popitem()[1]) for name in WEB}
    # One clock, for the hosts share a kernel.
    assert max(started["web1"], started["web2"]) < min(started["web3"], started["web4"])


def test_the_schema_is_the_new_releases(schema: Callable[[], str]) -> None:
    assert schema() == "26"


def test_the_lock_is_gone_and_the_journal_tells_of_both_releases(
    on: Callable[[str], Host], deployments: Callable[[], list[dict[str, Any]]]
) -> None:
    assert not on("bastion1").file("/var/lib/strata/kinto/lock").exists
    told = [(entry["version"], entry["outcome"], entry["hosts"]) for entry in deployments()]
    assert told[0] == (OLD, "succeeded", dict.fromkeys(WEB, OLD))
    assert told[1] == (NEW, "succeeded", dict.fromkeys(WEB, NEW))
    assert deployments()[1]["migrations"]


def test_a_check_of_the_older_release_tells_the_way_back_and_goes_none_of_it(
    on: Callable[[str], Host], play: Callable[..., Any], state: Callable[[], Any]
) -> None:
    before = state()
    checked = play(
        "../../deploy.yml", "--check", "--diff", "-e", f"@molecule/default/releases/kinto-{OLD}.yml"
    )
    assert checked.code == 0, checked.said
    assert f"{NEW} -> {OLD}" in checked.said
    assert state() == before


def test_no_request_has_failed_in_the_upgrade(load: Callable[..., Any]) -> None:
    seen = load("summary")
    assert seen["failures"] == []
    assert seen["reads"] > 100
    assert seen["writes_acknowledged"] > 100
