# SPDX-License-Identifier: GPL-3.0-or-later
"""One file starts processes; all others go through it, and so have its timeout, its limits and its errors."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
RUNNER = PLUGINS / "module_utils/_core/child_process.py"
MODULES = {"_posixsubprocess", "asyncio", "pty", "subprocess"}
"""Modules that start processes."""
FUNCTIONS = {
    "os": ("fork", "exec", "spawn", "posix_spawn", "popen", "system", "startfile"),
    "multiprocessing": ("Manager", "Pool", "Process", "get_context"),
}
"""How the functions of other modules that do so begin."""
ANSIBLE = {"run_command", "get_bin_path"}
"""The methods of AnsibleModule for it."""
FILES = [path for path in sorted(PLUGINS.rglob("*.py")) if path != RUNNER]


def starts(source: str) -> Iterator[str]:
    """What a file uses to start processes."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name.split(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if module.split(".")[0] in MODULES:
                yield module
            yield from (each.name for each in node.names if each.name.startswith(FUNCTIONS.get(module, ())))
        elif isinstance(node, ast.Attribute):
            module = node.value.id if isinstance(node.value, ast.Name) else ""
            if node.attr in ANSIBLE or node.attr.startswith(FUNCTIONS.get(module, ())):
                yield node.attr


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PLUGINS)))
def test_no_file_but_the_runner_starts_processes(path: Path) -> None:
    assert list(starts(path.read_text(encoding="utf-8"))) == []


def test_the_runner_is_seen_to_start_processes() -> None:
    assert "subprocess" in list(starts(RUNNER.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "line",
    [
        "import subprocess",
        "import subprocess as sp",
        "from subprocess import run",
        "import multiprocessing; multiprocessing.Process()",
        "import os; os.system('true')",
        "import os; os.execvp('true', ['true'])",
        "import os; os.posix_spawn('true', [], {})",
        "from os import fork",
        "module.run_command(['true'])",
    ],
)
def test_each_way_to_start_one_is_seen(line: str) -> None:
    assert list(starts(line))


@pytest.mark.parametrize(
    "line",
    [
        "import os; os.environ",
        "system = 1; self.system()",
        "import multiprocessing; multiprocessing.parent_process()",
    ],
)
def test_nothing_else_is(line: str) -> None:
    assert list(starts(line)) == []
