# SPDX-License-Identifier: GPL-3.0-or-later
"""Every source file of plugins/ that does something has its test file, at its path under tests/unit or tests/functional."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(path.relative_to(ROOT) for path in (ROOT / "plugins").rglob("*.py"))
LAYERS = ("unit", "functional")


def does_nothing(statement: ast.stmt) -> bool:
    """Whether it is what a function has in place of a body: a docstring, ``...``, ``pass`` or ``raise NotImplementedError``."""
    return (
        isinstance(statement, ast.Pass)
        or (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
        or (isinstance(statement, ast.Raise) and "NotImplementedError" in ast.dump(statement))
    )


def has_code(source: Path) -> bool:
    """Whether there is anything to test: a function that has a body.

    Constants, registries, protocols, exceptions and dataclasses without methods have none, nor have doc fragments.
    """
    tree = ast.parse((ROOT / source).read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return any(not does_nothing(statement) for function in functions for statement in function.body)


def mirror_names(source: Path) -> list[str]:
    """What may follow ``test_`` in the name of its test file.

    A package's ``__init__.py`` is called "registry", or as the package. A script that runs inside a release, and is sent there
    by the file beside it, is tested through that file.
    """
    if source.name == "__init__.py":
        return ["registry", source.parent.name.lstrip("_")]
    return [source.stem.removesuffix("_script")]


def sources_of(test: Path) -> list[Path]:
    """The source files that a test file is for: ``test_flagd_evaluation.py`` is for ``flagd.py``, as none has the longer name."""
    stem = test.stem.removeprefix("test_")
    found = [
        (len(name), source)
        for source in SOURCES
        if source.parent == Path(*test.parts[2:-1])
        for name in mirror_names(source)
        if stem == name or stem.startswith(f"{name}_")
    ]
    longest = max((length for length, _source in found), default=0)
    return [source for length, source in found if length == longest]


TESTED = {
    source
    for layer in LAYERS
    for test in (ROOT / "tests" / layer).rglob("test_*.py")
    for source in sources_of(test.relative_to(ROOT))
}


def test_every_source_file_has_its_tests() -> None:
    missing = [source for source in SOURCES if has_code(source) and source not in TESTED]
    advice = [
        f"{source}: write tests/unit/{source.parent}/test_{mirror_names(source)[0]}.py"
        f" (the same under tests/functional if it needs a process or a server)"
        for source in missing
    ]
    assert not advice, "These source files have no tests:\n" + "\n".join(advice)


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("NAMES = {'a': 1}\n", False),
        ("class Provider(Protocol):\n    def read(self) -> str:\n        '''Read.'''\n        ...\n", False),
        ("class Provider:\n    def read(self):\n        raise NotImplementedError\n", False),
        ("class Failed(Exception):\n    pass\n", False),
        ("@dataclass\nclass Point:\n    x: int\n", False),
        ("@dataclass\nclass Point:\n    x: int\n    def double(self):\n        return self.x * 2\n", True),
        ("def read():\n    return 1\n", True),
        ("if True:\n    def read():\n        return 1\n", True),
    ],
)
def test_what_has_something_to_test(tmp_path: Path, source: str, code: bool) -> None:
    path = tmp_path / "source.py"
    path.write_text(source, encoding="utf-8")
    assert has_code(path) is code


@pytest.mark.parametrize(
    ("test", "sources"),
    [
        ("tests/unit/plugins/modules/test_release.py", ["modules/release.py"]),
        ("tests/functional/plugins/modules/test_release.py", ["modules/release.py"]),
        ("tests/unit/plugins/modules/test_release_info.py", ["modules/release_info.py"]),
        ("tests/unit/plugins/modules/test_release_check.py", ["modules/release.py"]),
        ("tests/unit/plugins/modules/test_releases.py", []),
        ("tests/unit/plugins/action/test_release_fetched.py", ["action/release.py"]),
        (
            "tests/unit/plugins/module_utils/_feature/flags/test_registry.py",
            ["module_utils/_feature/flags/__init__.py"],
        ),
        (
            "tests/functional/plugins/module_utils/_database/engines/test_alembic.py",
            [
                "module_utils/_database/engines/alembic.py",
                "module_utils/_database/engines/alembic_script.py",
            ],
        ),
    ],
)
def test_a_test_file_is_for_the_source_of_its_name(test: str, sources: list[str]) -> None:
    assert sources_of(Path(test)) == [Path("plugins", source) for source in sources]
