# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

ROOT = Path(__file__).resolve().parents[2]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir())
SOME = {"str": "some", "path": "/some", "list": [], "dict": {}, "int": 1, "float": 1.0, "bool": True}
RENAMED = {"path", "version", "reason"}
ALSO = {"analysis": ("synthetic_",)}
"""Further prefixes of a role's options: those of the role that it took the place of."""
LAYERS = ["artifact", "db_migrate", "feature_flag", "fleet_rolling"]


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def options(role: str) -> dict[str, Any]:
    found: dict[str, Any] = load(ROOT / "roles" / role / "meta/argument_specs.yml")["argument_specs"]["main"][
        "options"
    ]
    return found


def shape(spec: dict[str, Any]) -> Any:
    """The type of an option, and those of what is in it."""
    inside = {name: shape(each) for name, each in spec.get("options", {}).items()}
    return spec["type"], spec.get("elements"), sorted(spec.get("choices", [])), inside


@pytest.mark.parametrize("role", ROLES)
def test_defaults_are_those_of_the_argument_spec(role: str) -> None:
    specified = {name: spec["default"] for name, spec in options(role).items() if "default" in spec}
    assert load(ROOT / "roles" / role / "defaults/main.yml") == specified


@pytest.mark.parametrize("role", ROLES)
def test_what_is_required_is_enough(role: str) -> None:
    """As Ansible checks it before the role's first task; an option that is required in a dict is so where the dict is empty too."""
    given = {name: SOME[spec["type"]] for name, spec in options(role).items() if spec.get("required")}
    defaults = load(ROOT / "roles" / role / "defaults/main.yml")
    checked = ArgumentSpecValidator(options(role)).validate({**defaults, **given})
    assert checked.error_messages == []


@pytest.mark.parametrize("role", ROLES)
def test_every_option_has_a_prefix_a_type_and_a_description(role: str) -> None:
    for name, spec in options(role).items():
        assert name.startswith((f"{role}_", *ALSO.get(role, ()))), name
        assert spec["type"], name
        assert spec["description"], name
        assert not (spec.get("required") and "default" in spec), name


def test_the_dicts_of_the_artifact_role_take_what_the_module_takes() -> None:
    from ansible_collections.strata.deploy.plugins.modules.release import OPTIONS

    found = {f"artifact_{name}": shape(spec) for name, spec in OPTIONS.items() if "options" in spec}
    assert {name: shape(spec) for name, spec in options("artifact").items() if name in found} == found


def test_the_artifact_role_hands_each_option_to_the_modules_option_of_its_name() -> None:
    for path in (ROOT / "roles/artifact/tasks").glob("*.yml"):
        for task in load(path):
            for module in ("strata.deploy.release", "strata.deploy.release_info"):
                for name, value in task.get(module, {}).items():
                    used = re.findall(r"(?<!_)artifact_\w+", str(value))
                    assert not used or used == [f"artifact_{name}"] or name in RENAMED, (path, name)


@pytest.mark.parametrize("role", ROLES)
def test_every_option_is_used(role: str) -> None:
    places = [
        ROOT / "roles" / role / "tasks",
        ROOT / "roles" / role / "vars",
        ROOT / "playbooks",
        ROOT / "plugins",
    ]
    text = "".join(
        path.read_text(encoding="utf-8")
        for place in places
        if place.exists()
        for path in place.rglob("*.*")
        if path.suffix in (".yml", ".py")
    )
    assert [name for name in options(role) if name not in text] == []


@pytest.mark.parametrize("role", ROLES)
def test_every_variable_in_the_tasks_is_an_option_or_private(role: str) -> None:
    known = set().union(*(options(other) for other in ROLES))
    text = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "roles" / role / "tasks").rglob("*.yml")
    )
    used = set(re.findall(rf"(?<![\w.])({'|'.join(ROLES)})(_\w+)", re.sub(r"strata\.deploy\.\w+", "", text)))
    assert {prefix + rest for prefix, rest in used} - known == set()


@pytest.mark.parametrize("role", ROLES)
def test_main_is_a_table_of_contents(role: str) -> None:
    path = ROOT / "roles" / role / "tasks/main.yml"
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 30
    for task in load(path):
        assert set(task) & {"ansible.builtin.import_tasks", "ansible.builtin.import_role"}, task


@pytest.mark.parametrize("role", LAYERS)
def test_a_layer_has_the_same_verbs_as_the_others(role: str) -> None:
    verbs = {path.stem for path in (ROOT / "roles" / role / "tasks").glob("*.yml")}
    assert {"main", "plan", "apply", "verify", "rollback"} <= verbs


@pytest.mark.parametrize("role", ROLES)
def test_a_role_tells_how_it_is_used_and_rolled_back(role: str) -> None:
    text = (ROOT / "roles" / role / "README.md").read_text(encoding="utf-8")
    assert "```yaml" in text
    assert re.search(r"^## Rollback", text, re.MULTILINE) or role not in LAYERS
