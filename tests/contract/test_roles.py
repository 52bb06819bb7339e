# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

ROOT = Path(__file__).resolve().parents[2]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir())
SOME = {"str": "some", "path": "/some", "list": [], "dict": {}, "int": 1, "float": 1.0, "bool": True}
RENAMED = {
    "path": {"artifact_root"},
    "version": {"artifact_version", "artifact_rollback_version"},
    "reason": {"artifact_rollback_reason"},
}
"""The options of the role that a module's option of another name takes."""
BY_ANOTHER_NAME = {"artifact_url", "artifact_checksum", "artifact_fetch", "artifact_signature"}
"""Those that the role works out first, where the artifact is in S3 or on the controller."""
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


def tasks_of(listed: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Tasks, and those in their blocks."""
    for task in listed:
        yield task
        for part in ("block", "rescue", "always"):
            yield from tasks_of(task.get(part, []))


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
    from ansible_collections.strata.deploy.plugins.modules.release import OPTIONS

    handed = set()
    for path in (ROOT / "roles/artifact/tasks").rglob("*.yml"):
        for task in tasks_of(load(path)):
            for module in ("strata.deploy.release", "strata.deploy.release_info"):
                for name, value in task.get(module, {}).items():
                    used = re.findall(r"(?<!_)artifact_\w+", str(value))
                    assert set(used) <= RENAMED.get(name, {f"artifact_{name}"}), (path, name)
                    handed.update(used)
    same = {f"artifact_{name}" for name in OPTIONS} & set(options("artifact"))
    assert same - handed == BY_ANOTHER_NAME


def values(document: Any) -> Iterator[str]:
    """All texts in YAML but the names of tasks and plays, which only mention things."""
    if isinstance(document, str):
        yield document
    elif isinstance(document, list):
        for item in document:
            named = isinstance(item, dict) and "name" in item
            yield from values({**item, "name": None} if named else item)
    elif isinstance(document, dict):
        for value in document.values():
            yield from values(value)


def words(path: Path) -> set[str]:
    """What a file may use a variable by: words of its YAML values, or names that are a string of its Python by themselves."""
    if path.suffix == ".yml":
        return set(re.findall(r"\w+", " ".join(values(load(path)))))
    found = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {node.value for node in found if isinstance(node, ast.Constant) and isinstance(node.value, str)}


@pytest.fixture(scope="module")
def used() -> set[str]:
    """The words of whatever may read a role's options; their defaults, specifications and documentation do not."""
    files = [
        *(ROOT / "roles").glob("*/tasks/**/*.yml"),
        *(ROOT / "roles").glob("*/vars/*.yml"),
        *(ROOT / "playbooks").rglob("*.yml"),
        *(ROOT / "plugins").rglob("*.py"),
    ]
    return set().union(*map(words, files))


@pytest.mark.parametrize("role", ROLES)
def test_every_option_is_used(role: str, used: set[str]) -> None:
    assert set(options(role)) - used == set()


def test_a_mention_is_no_use(tmp_path: Path) -> None:
    tasks, module = tmp_path / "tasks.yml", tmp_path / "module.py"
    tasks.write_text(
        "# shop_a\n- name: Set shop_b\n  debug: {msg: '{{ shop_c }} and shop_d_e', name: '{{ shop_f }}'}\n"
    )
    module.write_text('"""shop_a"""\nshop_b = None\nGIVE = "give shop_c"\nNAME = options["shop_d"]\n')
    assert {word for word in words(tasks) if word.startswith("shop")} == {"shop_c", "shop_d_e", "shop_f"}
    assert {word for word in words(module) if word.startswith("shop")} == {"shop_a", "shop_d"}


@pytest.mark.parametrize("role", ROLES)
def test_every_variable_in_the_tasks_is_an_option_or_private(role: str) -> None:
    known = set().union(*(options(other) for other in ROLES))
    text = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "roles" / role / "tasks").rglob("*.yml")
    )
    used = set(re.findall(rf"(?<![\w.])({'|'.join(ROLES)})(_\w+)", re.sub(r"strata\.deploy\.\w+", "", text)))
    assert used, "no variable was found in the tasks"
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
