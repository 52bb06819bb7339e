# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold whatever goes wrong on the controller: killed runs, lost locks, limits, hooks that move the link."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from operator_desk import ROOT, wait_until
from small_fleet import HOSTS, SmallFleet

MOVE_THE_LINK = """\
- name: Move the link by hand
  ansible.builtin.file:
    src: "{{ artifact_release_path }}"
    dest: "{{ artifact_root }}/current"
    state: link
- name: Give up
  ansible.builtin.fail: {msg: the cache is full}
"""
FORGET = """\
- name: Forget the deployment
  ansible.builtin.set_fact: {strata_deployment: {}}
  delegate_to: localhost
  delegate_facts: true
- name: Say that all was done
  ansible.builtin.set_fact:
    __artifact_activate: {changed: true, version: "2.0"}
    __fleet_rolling_batch: {go: true}
"""
ONLY_ON_THE_CANARY = """\
- name: Start
  ansible.builtin.assert: {that: inventory_hostname == 'web1', fail_msg: it does not start here}
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallFleet]:
    fleet = SmallFleet(tmp_path_factory.mktemp("fleet"))
    fleet.start()
    yield fleet
    fleet.stop()


@pytest.fixture
def fleet(running: SmallFleet) -> SmallFleet:
    """The fleet with 1.0 everywhere and everybody in rotation."""
    for host, slot in running.slots.items():
        slot.write_text(running.addresses[host])
    if not running.everywhere("1.0"):
        first = running.deploy("1.0")
        assert first.code == 0, first.output
    assert running.everywhere("1.0")
    assert not running.lock.exists()
    return running


def killed_with_the_canary_drained(fleet: SmallFleet, version: str) -> None:
    with fleet.held(version, "before_link") as process:
        fleet.kill(process)
    assert fleet.in_rotation() == ["web2", "web3"]
    assert fleet.lock.exists()


def test_a_dead_run_s_drain_is_undone_though_no_health_check_is_configured(fleet: SmallFleet) -> None:
    killed_with_the_canary_drained(fleet, "2.0")
    again = fleet.deploy("1.0")
    assert again.code == 0, again.output
    assert fleet.everywhere("1.0")


def test_a_rollback_undoes_a_dead_run_s_drain(fleet: SmallFleet) -> None:
    assert fleet.deploy("1.1").code == 0
    killed_with_the_canary_drained(fleet, "2.0")
    back = fleet.play("rollback", layer="artifact")
    assert back.code == 0, back.output
    assert fleet.everywhere("1.0")


def test_a_member_that_cannot_be_put_back_fails_the_run_and_is_named(fleet: SmallFleet) -> None:
    killed_with_the_canary_drained(fleet, "2.0")
    flags = fleet.folder / "flags.json"
    flags.write_text(
        '{"flags": {"billing": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "on"}}}'
    )
    options = {"feature_flag_path": str(flags), "feature_flag_record": str(fleet.folder / "former")}
    switched = fleet.play("feature", feature="billing", percentage=0, **options)
    assert '"defaultVariant": "off"' in flags.read_text()
    assert switched.code != 0
    assert "still out of rotation on lb1: web1" in switched.output
    assert fleet.deploy("1.0").code == 0
    assert fleet.everywhere("1.0")


def test_an_operator_s_drain_of_a_host_that_the_dead_run_never_reached_is_left_alone(
    fleet: SmallFleet,
) -> None:
    killed_with_the_canary_drained(fleet, "2.0")
    fleet.drain_as_an_operator("web3")
    again = fleet.deploy("1.0")
    assert again.code == 0, again.output
    assert fleet.in_rotation() == ["web1", "web2"]


def test_an_operator_s_drain_during_the_run_is_left_alone(fleet: SmallFleet) -> None:
    with fleet.held("2.0", "before_link") as process:
        fleet.drain_as_an_operator("web3")
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 0, output
    assert fleet.releases()["web3"] == "2.0"
    assert fleet.in_rotation() == ["web1", "web2"]
    assert not (fleet.lock.parent / "drained.json").exists()


def test_a_hook_cannot_change_what_the_deployment_knows(fleet: SmallFleet) -> None:
    hook = fleet.hook("forget", FORGET)
    run = fleet.deploy("2.0", artifact_hooks={"before_link": hook})
    assert run.code == 0, run.output
    assert fleet.everywhere("2.0")
    assert not fleet.lock.exists()


def test_layers_given_as_text_are_the_same_as_a_list(fleet: SmallFleet) -> None:
    run = fleet.deploy("2.0", deployment_layers="artifact,fleet")
    assert run.code == 0, run.output
    assert fleet.everywhere("2.0")


def test_a_run_that_lost_its_lock_changes_nothing_more_and_fails(fleet: SmallFleet) -> None:
    with fleet.held("2.0", "before_link") as process:
        held = fleet.lock.read_text()
        identifier = held.split('"id": "')[1].split('"')[0]
        other = fleet.play("playbooks/artifact", deployment_break_lock=identifier, **fleet.release("1.0"))
        assert "web1" in other.output
    output, _ = process.communicate(timeout=240)
    assert process.returncode != 0
    assert "has lost its lock" in output, output
    assert {fleet.releases()[host] for host in ("web2", "web3")} == {"1.0"}
    assert any(entry.get("lock") in ("broken", "lost") for entry in fleet.journal)
    assert fleet.deploy("1.0").code == 0


def test_a_host_whose_hook_moved_the_link_is_not_put_back_as_untouched(fleet: SmallFleet) -> None:
    hooks = {"before_link": fleet.hook("move", MOVE_THE_LINK)}
    run = fleet.deploy("2.0", artifact_hooks=hooks, fleet_rolling_policy="halt")
    assert run.code != 0
    assert fleet.releases()["web1"] == "2.0"
    assert fleet.in_rotation() == ["web2", "web3"], run.output
    assert "out of rotation on lb1: web1" in run.output
    assert fleet.play("rollback", layer="artifact", artifact_version="1.0").code == 0
    assert fleet.everywhere("1.0")


def test_a_canary_is_settled_though_the_failed_batch_leaves_no_capacity_at_first(fleet: SmallFleet) -> None:
    run = fleet.deploy(
        "2.0",
        artifact_hooks={"after_restart": fleet.hook("start", ONLY_ON_THE_CANARY)},
        fleet_rolling_batches=[1, "100%"],
        fleet_rolling_min_ready=1,
    )
    assert run.code != 0
    assert "it does not start here" in run.output
    assert fleet.everywhere("1.0"), run.output
    assert not fleet.lock.exists()


def test_a_balancer_that_stops_in_the_middle_of_a_batch_costs_no_member_on_the_other(
    fleet: SmallFleet,
) -> None:
    second = fleet.add_balancer()
    try:
        command = fleet.command("deploy", **fleet.release("2.0"), fleet_rolling_batches=["100%"])
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=fleet.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        wait_until(lambda: fleet.in_rotation() != list(HOSTS), "a drain", timeout=120)
        second.stop()
        output, _ = process.communicate(timeout=240)
    finally:
        second.stop()
        fleet.second = None
    assert process.returncode != 0
    assert "whether lb2 has web1, web2, web3 in rotation" in output, output
    assert fleet.in_rotation() == list(HOSTS), output
    assert fleet.deploy("1.0").code == 0


LEAVES_OUT = (
    ("--limit", "web1"),
    ("--limit", "all:!localhost"),
    ("--limit", "fleet:&web1"),
    ("--tags", "fleet"),
    ("--skip-tags", "always"),
    ("--start-at-task", "Close"),
    ("--step",),
)


@pytest.mark.parametrize(
    ("playbook", "arguments"),
    [
        *(("deploy", arguments) for arguments in LEAVES_OUT),
        ("rollback", LEAVES_OUT[0]),
        ("status", LEAVES_OUT[3]),
    ],
    ids=str,
)
def test_a_command_that_leaves_out_parts_of_the_run_is_refused(
    fleet: SmallFleet, playbook: str, arguments: tuple[str, ...]
) -> None:
    run = fleet.play(playbook, *arguments, layer="artifact", **fleet.release("2.0"))
    assert run.code != 0
    assert "Nothing was touched" in run.output
    assert fleet.everywhere("1.0")


def test_a_limit_by_exclusion_deploys_to_the_rest(fleet: SmallFleet) -> None:
    run = fleet.deploy("2.0", "--limit", "*:!web3")
    assert run.code == 0, run.output
    assert fleet.releases() == {"web1": "2.0", "web2": "2.0", "web3": "1.0"}
    assert fleet.in_rotation() == list(HOSTS)


def test_the_operator_s_settings_do_not_change_the_order_of_steps(fleet: SmallFleet) -> None:
    settings = {"ANSIBLE_STRATEGY": "free", "ANSIBLE_ANY_ERRORS_FATAL": "true"}
    hooks = {"after_restart": fleet.hook("start", ONLY_ON_THE_CANARY)}
    run = fleet.play("deploy", environment=settings, artifact_hooks=hooks, **fleet.release("2.0"))
    assert run.code != 0
    assert fleet.everywhere("1.0"), run.output


def test_every_wrong_option_of_every_host_is_said_at_once_before_anything_is_contacted(
    fleet: SmallFleet,
) -> None:
    run = fleet.deploy(
        "9.9", artifact_keep="five", artifact_cheksum="x", fleet_rolling_policy="rollback-fleet"
    )
    assert run.code != 0
    for said in (
        "artifact_keep",
        "Did you mean 'artifact_checksum'?",
        "halt, rollback_fleet",
        "web1, web2, web3",
    ):
        assert said in run.output
    assert not Path(fleet.folder / "hosts/web1/releases/9.9").exists()
    assert fleet.everywhere("1.0")


ALONE = """\
- hosts: fleet
  serial: [1, "100%"]
  gather_facts: false
  tasks:
    - ansible.builtin.import_role: {name: strata.deploy.artifact, tasks_from: stage}
    - ansible.builtin.import_role: {name: strata.deploy.fleet_rolling}
      vars:
        fleet_rolling_balancers: "{{ groups['lb'] }}"
"""


def test_the_role_rolls_a_fleet_in_a_play_of_one_s_own_without_a_deployment(fleet: SmallFleet) -> None:
    play = Path(fleet.hook("alone", ALONE))
    run = fleet.play(str(play.with_suffix("")), **fleet.release("2.0"))
    assert run.code == 0, run.output
    assert fleet.everywhere("2.0")
    assert not fleet.lock.exists()
