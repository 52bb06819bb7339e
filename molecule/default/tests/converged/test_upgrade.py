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
def test_every_member_is_up(pool: Callable[[str], Any], balancer: str) -> None:
    status = {name: row["status"] for name, row in pool(balancer).items() if name != "BACKEND"}
    assert status == dict.fromkeys(WEB, "UP")


def test_both_balancers_and_every_member_answered_in_the_upgrade_and_no_request_failed(
    phases: Callable[[], list[dict[str, Any]]],
) -> None:
    # The first of that name: to deploy it again, which changes nothing, is the next.
    seen = next(phase for phase in phases() if phase["phase"] == f"deploy {NEW}")
    assert (seen["failed"], seen["failures"]) == (0, [])
    assert seen["reads"] > 50
    assert seen["writes_acknowledged"] > 50
    assert set(seen["kinds"]) == {"create", "update", "delete", "read", "list"}
    assert set(seen["balancers"]) == {f"http://{name}" for name in LB}
    assert set(seen["members"]) == set(WEB)


def test_the_first_batch_was_back_before_the_second_left(
    on: Callable[[str], Host], answers: Callable[[], dict[str, list[float]]]
) -> None:
    answered = answers()
    left, back = {}, {}
    for name in WEB:
        restarted = int(shown(on(name), "ExecMainStartTimestampMonotonic").popitem()[1]) / 1_000_000
        left[name] = max(moment for moment in answered[name] if moment < restarted)
        back[name] = min(moment for moment in answered[name] if moment > restarted)
    assert max(back["web1"], back["web2"]) < min(left["web3"], left["web4"])


def test_the_schema_is_the_new_releases(schema: Callable[[], str]) -> None:
    assert schema() == "26"


def test_the_journal_tells_of_both_releases_and_nothing_is_locked_or_recorded_as_drained(
    on: Callable[[str], Host], deployments: Callable[[], list[dict[str, Any]]]
) -> None:
    assert sorted(on("bastion1").file("/var/lib/strata/kinto").listdir()) == ["journal.jsonl"]
    old, new = deployments()[:2]
    assert (old["version"], old["outcome"], old["hosts"]) == (OLD, "succeeded", dict.fromkeys(WEB, OLD))
    assert (new["version"], new["outcome"], new["hosts"]) == (NEW, "succeeded", dict.fromkeys(WEB, NEW))
    assert new["migrations"] == ["storage-023", "storage-024", "storage-025", "storage-026"]


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


def test_no_request_has_failed(load: Callable[..., Any]) -> None:
    seen = load("summary")
    assert seen["failures"] == []
    assert seen["reads"] > 100
    assert seen["writes_acknowledged"] > 100
