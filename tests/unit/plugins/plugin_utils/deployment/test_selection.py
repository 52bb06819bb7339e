# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.selection import (
    check_whole,
    within_limit,
)

GROUPS = {"all": ["web1", "web2", "web3"], "fleet": ["web1", "web2", "web3"], "ungrouped": []}
WITH_CONTROL = {**GROUPS, "all": [*GROUPS["all"], "localhost"], "control": ["localhost"]}


@pytest.mark.parametrize(
    ("limit", "hosts"),
    [
        ("", ["web1", "web2", "web3"]),
        ("web1", ["web1"]),
        ("fleet:!web2", ["web1", "web3"]),
        ("fleet:&web2", ["web2"]),
        ("fleet[0]", ["web1"]),
        ("fleet[1:2]", ["web2", "web3"]),
        ("~web[23]", ["web2", "web3"]),
        ("*:!web3", ["web1", "web2"]),
        ("nowhere", []),
    ],
)
def test_a_limit_means_what_ansible_takes_it_for(limit: str, hosts: list[str]) -> None:
    assert within_limit(["web1", "web2", "web3"], limit, GROUPS) == hosts


@pytest.mark.parametrize(
    ("limit", "groups"),
    [
        ("", GROUPS),
        ("localhost", GROUPS),
        ("web1,localhost", GROUPS),
        ("web1:localhost", GROUPS),
        ("!web1,localhost", GROUPS),
        ("control", WITH_CONTROL),
        ("all", WITH_CONTROL),
        ("*:!web3", WITH_CONTROL),
        ("~local.*", WITH_CONTROL),
    ],
)
def test_a_limit_that_leaves_the_controller_in_is_fine(limit: str, groups: Any) -> None:
    check_whole({"tags": ["all"]}, limit, groups)


@pytest.mark.parametrize(
    ("limit", "groups", "advice"),
    [
        ("web1", WITH_CONTROL, "--limit web1,localhost"),
        ("web1", GROUPS, "--limit web1,localhost"),
        ("all", GROUPS, "--limit all,localhost"),
        ("*", GROUPS, "--limit '*,localhost'"),
        ("*:!web3", GROUPS, "--limit '*:!web3:localhost'"),
        ("all:!localhost", WITH_CONTROL, "leaves localhost out"),
        ("fleet:&web1", WITH_CONTROL, "--limit 'fleet:&web1:localhost'"),
        ("fleet[0]", WITH_CONTROL, "--limit 'fleet[0],localhost'"),
    ],
)
def test_a_limit_that_leaves_the_controller_out_is_refused(limit: str, groups: Any, advice: str) -> None:
    with pytest.raises(StrataError) as caught:
        check_whole({"tags": ["all"]}, limit, groups)
    assert advice in str(caught.value)


def test_a_limit_from_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "failed.retry"
    path.write_text("web1\n")
    with pytest.raises(StrataError, match="leaves localhost out"):
        check_whole({}, f"@{path}", GROUPS)
    path.write_text("web1\nlocalhost\n")
    check_whole({}, f"@{path}", GROUPS)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"tags": ["all"]}, None),
        ({"tags": ["all"], "skip_tags": ["mine"]}, None),
        ({"tags": ["all", "fleet"]}, "--tags fleet"),
        ({"tags": ["fleet"]}, "--tags fleet"),
        ({"skip_tags": ["always"]}, "--skip-tags always"),
        ({"skip_tags": ["untagged"]}, "--skip-tags untagged"),
        ({"start_at_task": "Drain"}, "--start-at-task 'Drain'"),
        ({"step": True}, "--step"),
    ],
)
def test_options_that_leave_out_tasks_are_refused(options: dict[str, Any], named: str | None) -> None:
    if named is None:
        check_whole(options, "", GROUPS)
        return
    with pytest.raises(StrataError) as caught:
        check_whole(options, "", GROUPS)
    assert str(caught.value).startswith(named)
