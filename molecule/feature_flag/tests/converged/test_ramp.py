# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After the rollout: what users get, what is on the host, and what an operator's further commands do."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from openfeature.client import OpenFeatureClient
from openfeature.evaluation_context import EvaluationContext
from testinfra.host import Host

FLAGS = "/etc/flagd/shop.json"
RECORD = "/var/lib/strata/shop"
USERS = [f"user-{number}" for number in range(1000)]


def everything(on: Callable[[str], Host]) -> str:
    """All that is in both folders, and when each was last written."""
    files = on("bastion1").check_output(
        f"find /etc/flagd {RECORD} -printf '%p %y %u %g %m %i %T@\\n' | sort; cat {FLAGS} {RECORD}/flags.json"
    )
    return str(files)


def test_half_of_the_users_have_the_new_feature(application: OpenFeatureClient) -> None:
    has = [
        application.get_boolean_value("billing-integration", False, EvaluationContext(user)) for user in USERS
    ]
    assert 450 < sum(has) < 550


def test_everyone_has_what_only_some_had_by_its_owners_rule(application: OpenFeatureClient) -> None:
    stranger = EvaluationContext("user-1", {"email": "someone@elsewhere.org"})
    assert application.get_boolean_value("new-checkout", False, stranger)


def test_nobody_sees_what_was_switched_off(application: OpenFeatureClient) -> None:
    assert application.get_string_value("banner", "none", EvaluationContext("user-1")) == ""


def test_all_else_in_the_file_is_as_its_owners_wrote_it(
    document: dict[str, Any], owners: dict[str, Any]
) -> None:
    del document["flags"]["billing-integration"]
    owners["flags"]["new-checkout"].pop("targeting")
    owners["flags"]["new-checkout"]["defaultVariant"] = "on"
    owners["flags"]["banner"]["defaultVariant"] = "off"
    assert document == owners


def test_the_file_keeps_its_owner_and_mode_and_its_folder_has_no_other(on: Callable[[str], Host]) -> None:
    file = on("bastion1").file(FLAGS)
    assert (file.user, file.group, oct(file.mode)) == ("root", "flagd", "0o640")
    assert on("bastion1").file("/etc/flagd").listdir() == ["shop.json"]


def test_what_was_before_is_recorded_for_root_alone(
    on: Callable[[str], Host], owners: dict[str, Any]
) -> None:
    folder, record = on("bastion1").file(RECORD), on("bastion1").file(f"{RECORD}/flags.json")
    assert (folder.user, oct(folder.mode), record.user, oct(record.mode)) == (
        "root",
        "0o700",
        "root",
        "0o600",
    )
    assert {name: former["definition"] for name, former in json.loads(record.content).items()} == {
        "billing-integration": None,
        "new-checkout": owners["flags"]["new-checkout"],
        "banner": owners["flags"]["banner"],
    }


def test_the_rollout_went_step_by_step(on: Callable[[str], Host]) -> None:
    recorded = json.loads(on("bastion1").file(f"{RECORD}/flags.json").content)["billing-integration"]
    journal = on("bastion1").check_output(
        "journalctl --identifier=ansible-strata.deploy.feature_flag --output=cat"
    )
    steps = [
        re.findall(r" percentage=(\S+)", line)[0]
        for line in journal.splitlines()
        if "name=billing-integration " in line and f"rollout={recorded['rollout']} " in line
    ]
    assert steps == ["5.0", "25.0", "50.0"]


def test_check_mode_shows_the_next_step_and_changes_nothing(
    on: Callable[[str], Host], play: Callable[..., Any]
) -> None:
    before = everything(on)
    further = {"feature_flag_features": [{"name": "billing-integration", "rollout": [50, 100]}]}
    run = play("converge.yml", "--check", "--diff", "--extra-vars", json.dumps(further))
    assert (run.code, run.changed) == (0, 1)
    assert "- defaultVariant: 'off' + defaultVariant: 'on'" in run.said
    assert everything(on) == before


def test_check_mode_of_the_rollback_shows_all_that_is_recorded_and_changes_nothing(
    on: Callable[[str], Host], play: Callable[..., Any]
) -> None:
    before = everything(on)
    run = play("rollback.yml", "--check", "--diff")
    assert (run.code, run.changed) == (0, 1)
    assert "+ billing-integration: null" in run.said
    assert everything(on) == before


def test_a_step_whose_analysis_fails_is_put_back_and_told(
    on: Callable[[str], Host], play: Callable[..., Any]
) -> None:
    before = on("bastion1").file(FLAGS).content, on("bastion1").file(f"{RECORD}/flags.json").content
    find = {"name": "find it", "path": "/search", "expect": {"status": 200}}
    options = {
        "feature_flag_features": [{"name": "search", "rollout": [10, 100]}],
        "synthetic_journeys": [{"name": "search", "steps": [find]}],
    }
    run = play("converge.yml", "--extra-vars", json.dumps(options))
    assert run.code == 2
    assert "Set the flag: search to 10%" in run.said
    told = run.said.rpartition("fatal:")[2]
    assert "search at 10%: The analysis failed: journeys: 3 of 3 journeys failed" in told
    assert "step 'find it' expected status 200 and got status 404" in told.replace("''", "'")
    assert before == (on("bastion1").file(FLAGS).content, on("bastion1").file(f"{RECORD}/flags.json").content)


def test_a_file_that_someone_broke_is_told_and_left(
    on: Callable[[str], Host], play: Callable[..., Any]
) -> None:
    host = on("bastion1")
    host.check_output(f"cp --archive {FLAGS} /tmp/shop.json && truncate --size=100 {FLAGS}")
    try:
        broken = everything(on)
        run = play("rollback.yml")
        assert everything(on) == broken
    finally:
        host.check_output(f"cp --archive /tmp/shop.json {FLAGS}")
    assert run.code == 2
    assert f"Reading the flag file {FLAGS}: it is not valid JSON" in run.said
