# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from testinfra.host import Host

OLD, NEW = "19.6.0", "26.5.0"
WEB = ("web1", "web2", "web3", "web4")
LB = ("lb1", "lb2")


@pytest.mark.parametrize("name", WEB)
def test_the_link_leads_back_and_the_unit_runs_the_old_release(on: Callable[[str], Host], name: str) -> None:
    assert on(name).file("/srv/kinto/current").linked_to == f"/srv/kinto/releases/{OLD}"
    process = on(name).check_output("systemctl show --property=MainPID --value kinto.service")
    environment = on(name).check_output("runuser -u kinto -- cat /proc/%s/environ", process)
    assert f"PYTHONPATH=/srv/kinto/releases/{OLD}/lib" in environment.split("\0")


@pytest.mark.parametrize("balancer", LB)
def test_every_member_is_up(pool: Callable[[str], Any], balancer: str) -> None:
    assert {row["status"] for name, row in pool(balancer).items() if name in WEB} == {"UP"}


def test_the_schema_stays_for_the_old_code_works_on_it(
    schema: Callable[[], str],
    phases: Callable[[], list[dict[str, Any]]],
    deployments: Callable[[], list[dict[str, Any]]],
) -> None:
    assert schema() == "26"
    back = deployments()[-1]
    assert (back["occasion"], back["outcome"], back["hosts"]) == (
        "rollback artifact",
        "succeeded",
        dict.fromkeys(WEB, OLD),
    )
    seen = phases()[-1]
    assert seen["phase"] == f"after rollback artifact {OLD}"
    assert seen["failures"] == []
    assert seen["reads"] > 50
    assert seen["writes_acknowledged"] > 50
    assert set(seen["members"]) == set(WEB)


def test_nothing_is_locked_or_recorded_as_drained(on: Callable[[str], Host]) -> None:
    assert sorted(on("bastion1").file("/var/lib/strata/kinto").listdir()) == ["journal.jsonl"]


def test_from_first_to_last_no_request_failed(load: Callable[..., Any]) -> None:
    seen = load("summary")
    assert seen["failures"] == []
    assert set(seen["balancers"]) == {f"http://{name}" for name in LB}


def test_every_acknowledged_write_is_in_the_database(
    load: Callable[..., Any], stored: Callable[[], dict[str, Any]]
) -> None:
    written = load("report acknowledged")
    assert len(written) > 100
    # Not only those that were created and left as they were.
    assert None in written.values()
    assert any(held["revision"] > 1 for held in written.values() if held)
    kept = stored()
    assert {record: kept.get(record) for record in written} == written
