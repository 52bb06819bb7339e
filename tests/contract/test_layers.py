# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports go down the layers only, and no two files need each other."""

from __future__ import annotations

import ast
import graphlib
import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
PACKAGE = "ansible_collections.strata.deploy.plugins"
LAYERS = (
    ("action", "callback", "doc_fragments", "filter"),
    ("modules", "plugin_utils"),
    ("_database",),
    ("_artifact",),
    ("_analysis", "_deployment", "_feature", "_fleet"),
    ("_core",),
)
"""From the top. A folder imports from those below its own line, and nothing from the others on the line."""
LEVELS = {name: level for level, names in enumerate(LAYERS) for name in names}


def imports(source: str, module: str, files: set[str]) -> Iterator[str]:
    """The files of the collection that a file imports, each by its dotted name, at whatever place in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            named = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom):
            package = module if module + ".__init__" in files else module.rpartition(".")[0]
            base = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            # What is imported from a package may be a file of it or a name in its __init__.py.
            named = [
                inside if {inside, inside + ".__init__"} & files else base
                for inside in (f"{base}.{each.name}" for each in node.names)
            ]
        else:
            continue
        for name in named:
            if name.startswith(PACKAGE + "."):
                yield f"{name}.__init__" if f"{name}.__init__" in files else name


def layer(module: str) -> str:
    """The folder that makes a file's layer."""
    first, _, rest = module.removeprefix(PACKAGE + ".").partition(".")
    return rest.partition(".")[0] if first == "module_utils" else first


def upward(graph: Mapping[str, set[str]]) -> list[str]:
    """The imports that do not stay in a layer and do not go to one below it."""
    return [
        f"{module} imports {imported}"
        for module in sorted(graph)
        for imported in sorted(graph[module])
        if layer(module) != layer(imported) and LEVELS[layer(module)] >= LEVELS[layer(imported)]
    ]


def cycle(graph: Mapping[str, set[str]]) -> list[str]:
    """Files of which each imports the one before it, the first one again at the end; empty if there are none."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        found: list[str] = error.args[1]
        return found
    return []


@pytest.fixture(scope="module")
def graph() -> dict[str, set[str]]:
    """What each file of the plugins imports."""
    sources = {
        ".".join([PACKAGE, *path.relative_to(PLUGINS).with_suffix("").parts]): path.read_text(
            encoding="utf-8"
        )
        for path in PLUGINS.rglob("*.py")
    }
    return {
        module: set(imports(source, module.removesuffix(".__init__"), set(sources)))
        for module, source in sources.items()
    }


def test_every_folder_has_its_layer(graph: dict[str, set[str]]) -> None:
    assert {layer(module) for module in graph} == set(LEVELS)


def test_every_import_is_of_a_file(graph: dict[str, set[str]]) -> None:
    assert set().union(*graph.values()) <= set(graph)


def test_imports_go_down(graph: dict[str, set[str]]) -> None:
    assert upward(graph) == []


def test_no_files_import_each_other(graph: dict[str, set[str]]) -> None:
    assert cycle(graph) == []


ARTIFACT = f"{PACKAGE}.module_utils._artifact"


@pytest.mark.parametrize(
    ("line", "imported"),
    [
        (f"import {ARTIFACT}.kinds.archive", f"{ARTIFACT}.kinds.archive"),
        (f"import {ARTIFACT}.kinds as kinds", f"{ARTIFACT}.kinds.__init__"),
        (f"from {ARTIFACT}.kinds.archive import Archive", f"{ARTIFACT}.kinds.archive"),
        (f"from {ARTIFACT}.kinds import archive", f"{ARTIFACT}.kinds.archive"),
        (f"from {ARTIFACT}.kinds import PROVIDERS", f"{ARTIFACT}.kinds.__init__"),
        (f"from {ARTIFACT} import kinds", f"{ARTIFACT}.kinds.__init__"),
        (f"def late():\n    from {ARTIFACT}.kinds import archive", f"{ARTIFACT}.kinds.archive"),
        ("from .kinds.archive import Archive", f"{ARTIFACT}.kinds.archive"),
        ("from .._artifact.kinds import PROVIDERS", f"{ARTIFACT}.kinds.__init__"),
        ("import json", None),
        ("from ansible.module_utils.basic import AnsibleModule", None),
    ],
)
def test_each_way_to_import_is_seen(line: str, imported: str | None) -> None:
    files = {f"{ARTIFACT}.here", f"{ARTIFACT}.kinds.__init__", f"{ARTIFACT}.kinds.archive"}
    assert list(imports(line, f"{ARTIFACT}.here", files)) == ([imported] if imported else [])


@pytest.mark.parametrize(
    ("module", "imported", "is_upward"),
    [
        ("modules.release", "module_utils._core.errors", False),
        ("module_utils._database.engines.sql", "module_utils._artifact.release.layout", False),
        ("module_utils._core.errors", "module_utils._core.clock", False),
        ("action.deployment", "plugin_utils.deployment.plan", False),
        ("module_utils._core.errors", "module_utils._fleet.balancers.pool", True),
        ("module_utils._fleet.balancers.pool", "module_utils._feature.flags.record", True),
        ("module_utils._artifact.release.layout", "module_utils._database.engines.sql", True),
        ("module_utils._core.errors", "modules.release", True),
        ("modules.release", "plugin_utils.deployment.plan", True),
        ("plugin_utils.deployment.plan", "action.deployment", True),
    ],
)
def test_only_imports_that_do_not_go_down_are_refused(module: str, imported: str, is_upward: bool) -> None:
    assert bool(upward({f"{PACKAGE}.{module}": {f"{PACKAGE}.{imported}"}})) is is_upward


def test_a_cycle_is_seen() -> None:
    assert cycle({"a": {"b"}, "b": {"c"}, "c": set()}) == []
    assert set(cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}})) == {"b", "c"}
