# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
OPERATORS = ["deploy", "feature", "rollback", "status"]
PLAYBOOKS = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml"))


@pytest.mark.parametrize("name", OPERATORS)
def test_what_an_operator_types_lies_at_the_root_as_an_import(name: str) -> None:
    (play,) = yaml.safe_load((ROOT / f"{name}.yml").read_text(encoding="utf-8"))
    assert play["ansible.builtin.import_playbook"] == f"playbooks/{name}.yml"


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_a_playbook_parses_without_any_inventory(name: str, tool: Callable[..., str]) -> None:
    tool(
        "ansible-playbook",
        "--syntax-check",
        "-i",
        "localhost,",
        f"playbooks/{name}.yml",
        "-e",
        "layer=feature",
    )


def test_there_is_a_playbook_for_each_layer_alone() -> None:
    assert {"artifact", "database", "feature", "fleet"} <= set(PLAYBOOKS)


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_an_environment_has_the_groups_of_the_design(environment: str, tool: Callable[..., str]) -> None:
    graph = tool("ansible-inventory", "-i", f"inventories/{environment}", "--graph")
    for group in ("@fleet:", "@web:", "@worker:", "@lb:", "@db:", "@control:"):
        assert group in graph
    assert len(set(re.findall(r"--(lb\d)", graph))) == 2


def test_environments_differ_in_their_hosts_and_one_file_only() -> None:
    for environment in ("staging", "production"):
        own = [path for path in (ROOT / "inventories" / environment).rglob("*.yml") if not path.is_symlink()]
        assert sorted(path.name for path in own) == ["all.yml", "hosts.yml"]
    names = [
        set(
            yaml.safe_load(
                (ROOT / f"inventories/{environment}/group_vars/all.yml").read_text(encoding="utf-8")
            )
        )
        for environment in ("staging", "production")
    ]
    assert names[0] == names[1]
