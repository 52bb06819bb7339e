# SPDX-License-Identifier: GPL-3.0-or-later
"""Each module that runs on a host returns what it documents, and only that reaches the controller."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.strata.deploy.plugins.plugin_utils.host_action import HostAction
from ansible_collections.strata.deploy.plugins.plugin_utils.host_answer import ANSWERS, NEEDED, OrNull

PACKAGE = "ansible_collections.strata.deploy.plugins"
MODULES = Path(__file__).resolve().parents[2] / "plugins/modules"
ON_THE_CONTROLLER = {"deployment", "user_tasks"}
"""What has no code for a host."""
TYPES: Mapping[str, tuple[Any, ...]] = {
    "bool": (bool,),
    "dict": (dict,),
    "float": (float,),
    "int": (int,),
    "list": (list,),
    "str": (str,),
}


def documented(module: str) -> dict[str, Any]:
    found: dict[str, Any] = (
        yaml.safe_load(importlib.import_module(f"{PACKAGE}.modules.{module}").RETURN) or {}
    )
    return found


def differences(shape: Any, documentation: Mapping[str, Any], where: str) -> Iterator[str]:
    """Where a shape takes something that is not documented so, or leaves out what is documented."""
    shape = shape.shape if isinstance(shape, OrNull) else shape
    kind = str if isinstance(shape, re.Pattern) else type(shape) if isinstance(shape, (list, dict)) else shape
    if kind not in TYPES[documentation["type"]]:
        yield f"{where} is documented as {documentation['type']}"
    inside = shape[0] if isinstance(shape, list) else shape
    inside = inside["*"] if isinstance(inside, dict) and "*" in inside else inside
    contains = documentation.get("contains")
    if contains and isinstance(inside, dict):
        yield from (f"{where}.{name} is documented" for name in contains if name not in inside)
        yield from (
            line
            for name, each in inside.items()
            if name in contains
            for line in differences(each, contains[name], f"{where}.{name}")
        )


def test_each_module_of_a_host_has_its_answer_and_its_action() -> None:
    assert set(ANSWERS) == {path.stem for path in MODULES.glob("*.py")} - ON_THE_CONTROLLER
    for module in {*ANSWERS, "deployment"}:
        action = importlib.import_module(f"{PACKAGE}.action.{module}").ActionModule
        assert issubclass(action, HostAction), f"plugins/action/{module}.py does not derive from HostAction"


@pytest.mark.parametrize("module", ANSWERS)
def test_an_answer_is_what_the_module_documents(module: str) -> None:
    found = documented(module)
    assert set(ANSWERS[module]) == set(found)
    assert [
        line for name, shape in ANSWERS[module].items() for line in differences(shape, found[name], name)
    ] == []
    assert set(NEEDED.get(module, ())) <= set(found)
