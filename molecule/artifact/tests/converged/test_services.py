# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways in which a release gets into a service, with users at work; and services that do not stay."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from testinfra.host import Host

OWN = {"restart": ["own", "restart"], "status": ["own", "status"], "log": ["cat", "/var/log/own.log"]}
SERVICES: dict[str, tuple[int, dict[str, Any]]] = {
    "relay": (8081, {"manager": "systemd", "name": "relay@.service", "mode": "instances"}),
    "reload": (8082, {"manager": "systemd", "name": "reload.service", "mode": "reload"}),
    "woken": (8084, {"manager": "systemd", "name": "woken.service"}),
    "own": (8083, {"manager": "command", "name": "own", "commands": OWN}),
}


@pytest.fixture
def deploy(play: Callable[..., Any]) -> Callable[..., Any]:
    """``deploy("relay", "2.0")`` runs a playbook for one of the services."""

    def run(app: str, version: str, playbook: str = "converge.yml", **more: Any) -> Any:
        port, service = SERVICES[app]
        health = {"url": f"http://127.0.0.1:{port}/health", "version_header": "X-Release", "timeout": 5}
        variables = {
            "artifact_root": f"/srv/{app}",
            "artifact_shared": [],
            "artifact_version": version,
            "artifact_service": service,
            "artifact_health": health,
            **more,
        }
        return play(playbook, f"--extra-vars={json.dumps(variables)}")

    return run


@pytest.fixture
def users(on: Callable[[str], Host]) -> Iterator[Callable[[str], Callable[[], list[dict[str, Any]]]]]:
    """``users("relay")`` has users call a service; what it returns ends that and lists their requests."""
    bastion = on("bastion1")
    file = "/run/users.jsonl"

    def start(app: str) -> Callable[[], list[dict[str, Any]]]:
        bastion.check_output(f"rm --force {file}")
        bastion.check_output(
            "systemd-run --unit=users --working-directory=/usr/local/lib/load"
            f" python3 load.py users.py run --out {file} http://debian12:{SERVICES[app][0]}"
        )

        def stop() -> list[dict[str, Any]]:
            bastion.check_output("systemctl stop users")
            return [json.loads(line) for line in bastion.check_output(f"cat {file}").splitlines()]

        return stop

    yield start
    bastion.run("systemctl stop users")


def no_request_lost(requests: list[dict[str, Any]], *releases: str) -> None:
    assert [each for each in requests if each["error"]] == []
    assert set(releases) <= set(Counter(each["release"] for each in requests))
    # Some of them took two seconds and were under way when their release was left.
    assert {each["path"] for each in requests} == {"/", "/slow"}


@pytest.fixture
def instances(machine: Host) -> Callable[[], dict[str, tuple[str, str]]]:
    """The instances that systemd knows: whether they run, and whether they start with the machine."""

    def show() -> dict[str, tuple[str, str]]:
        shown = machine.check_output(
            "systemctl show --all --property=Id,ActiveState,UnitFileState 'relay@*.service'"
        )
        units = [
            dict(line.split("=", 1) for line in block.splitlines()) for block in shown.split("\n\n") if block
        ]
        return {unit["Id"]: (unit["ActiveState"], unit["UnitFileState"]) for unit in units}

    return show


def test_instances_take_over_from_each_other_and_no_request_is_lost(
    deploy: Callable[..., Any], users: Callable[..., Any], instances: Callable[[], Any]
) -> None:
    first = deploy("relay", "1.0")
    assert first.code == 0, first.said
    assert instances() == {"relay@1.0.service": ("active", "enabled")}
    stop = users("relay")
    second = deploy("relay", "2.0")
    assert second.code == 0, second.said
    assert instances() == {"relay@2.0.service": ("active", "enabled")}
    again = deploy("relay", "2.0")
    assert (again.code, again.changed) == (0, 0), again.said
    back = deploy("relay", "2.0", "rollback.yml")
    assert back.code == 0, back.said
    assert instances() == {"relay@1.0.service": ("active", "enabled")}
    no_request_lost(stop(), "1.0", "2.0")


@pytest.mark.parametrize("version", ["3.0-broken", "3.1-crash"])
def test_an_instance_that_does_not_come_up_goes_and_the_former_serves_on(
    deploy: Callable[..., Any], users: Callable[..., Any], instances: Callable[[], Any], version: str
) -> None:
    assert deploy("relay", "0.9").code == 0
    stop = users("relay")
    failed = deploy("relay", version)
    assert failed.code != 0
    assert (
        "not healthy" if version == "3.0-broken" else "there is no way that this release starts"
    ) in failed.said
    assert instances() == {"relay@0.9.service": ("active", "enabled")}
    no_request_lost(stop(), "0.9")


def test_an_instance_takes_over_without_any_health_check_once_it_has_stayed(
    deploy: Callable[..., Any], instances: Callable[[], Any]
) -> None:
    done = deploy("relay", "1.0", artifact_health={})
    assert done.code == 0, done.said
    assert instances() == {"relay@1.0.service": ("active", "enabled")}


def test_a_caller_whom_no_instance_serves_starts_the_current_one(
    machine: Host, deploy: Callable[..., Any], instances: Callable[[], Any]
) -> None:
    assert deploy("relay", "1.0").code == 0
    machine.check_output("systemctl stop 'relay@*.service'")
    assert machine.check_output("python3 -c %s", ASK.format(8081)) == "1.0"
    assert instances()["relay@1.0.service"][0] == "active"


ASK = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:{}/', timeout=10).headers['X-Release'])"


def test_a_reload_has_the_main_process_stay_and_loses_no_request(
    machine: Host, deploy: Callable[..., Any], users: Callable[..., Any]
) -> None:
    first = deploy("reload", "1.0")
    assert first.code == 0, first.said
    main = machine.check_output("systemctl show --property=MainPID --value reload.service")
    stop = users("reload")
    second = deploy("reload", "2.0")
    assert second.code == 0, second.said
    assert machine.check_output("systemctl show --property=MainPID --value reload.service") == main
    no_request_lost(stop(), "1.0", "2.0")
    failed = deploy("reload", "3.1-crash")
    assert failed.code != 0
    assert "there is no way that this release starts" in failed.said
    assert deploy("reload", "3.1-crash", "rollback.yml").code == 0
    assert machine.check_output("systemctl show --property=MainPID --value reload.service") == main


def test_a_unit_that_cannot_be_reloaded_is_refused_before_the_switch(
    deploy: Callable[..., Any], machine: Host, process: Callable[[], str]
) -> None:
    before = process()
    refused = deploy(
        "reload",
        "1.0",
        artifact_root="/srv/shop",
        artifact_service={**SERVICES["reload"][1], "name": "shop.service"},
    )
    assert refused.code != 0
    assert "systemd cannot reload the unit 'shop.service': it has no ExecReload=." in refused.said
    assert (machine.check_output("readlink /srv/shop/current"), process()) == ("releases/2.0", before)


def test_a_service_that_a_socket_starts_is_restarted_with_what_is_bound_to_it_and_loses_no_request(
    machine: Host, deploy: Callable[..., Any], users: Callable[..., Any]
) -> None:
    first = deploy("woken", "1.0")
    assert first.code == 0, first.said
    machine.check_output("systemctl start woken-worker.service")
    worker = machine.check_output("systemctl show --property=MainPID --value woken-worker.service")
    stop = users("woken")
    second = deploy("woken", "2.0")
    assert second.code == 0, second.said
    no_request_lost(stop(), "1.0", "2.0")
    assert machine.check_output("systemctl is-active woken-worker.service") == "active"
    assert machine.check_output("systemctl show --property=MainPID --value woken-worker.service") != worker
    failed = deploy("woken", "3.1-crash")
    assert failed.code != 0
    assert "there is no way that this release starts" in failed.said
    assert machine.run("systemctl is-active woken-worker.service").stdout.strip() == "inactive"
    back = deploy("woken", "3.1-crash", "rollback.yml")
    assert back.code == 0, back.said
    units = ("woken.socket", "woken.service", "woken-worker.service")
    assert machine.check_output(f"systemctl is-active {' '.join(units)}").split() == ["active"] * 3
    assert machine.check_output("python3 -c %s", ASK.format(8084)) == "2.0"
    assert not machine.file("/srv/woken/.strata/systemd.json").exists


def test_a_unit_that_is_not_a_service_is_refused_before_the_switch(
    machine: Host, deploy: Callable[..., Any]
) -> None:
    assert deploy("woken", "1.0").code == 0
    refused = deploy("woken", "2.0", artifact_service={"manager": "systemd", "name": "woken.socket"})
    assert refused.code != 0
    assert "The unit 'woken.socket' is a socket, which has no process that could be watched." in refused.said
    assert machine.check_output("readlink /srv/woken/current") == "releases/1.0"


def test_a_service_without_a_supervisor_is_run_by_commands(machine: Host, deploy: Callable[..., Any]) -> None:
    for version in ("1.0", "2.0"):
        done = deploy("own", version)
        assert done.code == 0, done.said
        assert machine.check_output("python3 -c %s", ASK.format(8083)) == version
    failed = deploy("own", "3.1-crash")
    assert failed.code != 0
    assert "Service 'own' ended right after its start (stopped, exit code 3)." in failed.said
    assert "Its last lines: there is no way that this release starts" in failed.said
    assert deploy("own", "3.1-crash", "rollback.yml").code == 0
    assert machine.check_output("python3 -c %s", ASK.format(8083)) == "2.0"


@pytest.mark.parametrize(
    ("version", "words"),
    [("3.1-crash", "there is no way that this release starts"), ("3.2-collapse", "this release collapses")],
    ids=["at once", "after two seconds"],
)
def test_what_does_not_stay_is_seen_without_a_health_check_too(
    play: Callable[..., Any], ask: Callable[[], tuple[str, Any]], version: str, words: str
) -> None:
    failed = play(
        "converge.yml", f"--extra-vars=artifact_version={version}", '--extra-vars={"artifact_health": {}}'
    )
    assert failed.code != 0
    assert "Service 'shop.service' ended" in failed.said
    assert words in failed.said
    assert play("rollback.yml").code == 0
    deadline = time.monotonic() + 10
    while ask()[0] != "2.0":
        assert time.monotonic() < deadline
