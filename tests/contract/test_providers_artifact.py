# SPDX-License-Identifier: GPL-3.0-or-later
"""Adding a source, a kind, a service manager or a format of signatures touches its own file and one registry."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
MADE_UP = Path(__file__).with_name("artifact_providers")
PACKAGE = "ansible_collections.strata.deploy.plugins.module_utils"
FOLDERS = {
    "kind": "_artifact.kinds",
    "service": "_artifact.services",
    "signature": "_artifact.signatures",
    "source": "_artifact.sources",
}
REGISTRIES = {kind: f"{FOLDERS[kind].replace('.', '/')}/__init__.py" for kind in FOLDERS}
# The folder itself is what others import; it needs the registry before it is complete.
REGISTRIES["source"] = "_artifact/sources/providers.py"


def registry(kind: str) -> Mapping[str, Any]:
    providers: Mapping[str, Any] = import_module(f"{PACKAGE}.{FOLDERS[kind]}").PROVIDERS
    return providers


@pytest.mark.parametrize("kind", FOLDERS)
def test_a_registry_is_alphabetical_and_its_classes_have_name_and_options(kind: str) -> None:
    providers = registry(kind)
    assert list(providers) == sorted(providers)
    assert [provider.NAME for provider in providers.values()] == list(providers)
    assert all(isinstance(provider.OPTIONS, Mapping) for provider in providers.values())


@pytest.mark.parametrize("kind", FOLDERS)
def test_each_provider_has_its_row_and_its_options_in_the_documentation(kind: str) -> None:
    page = ROOT / "docs/providers" / ("artifact_kind.md" if kind == "kind" else f"{kind}.md")
    text = page.read_text(encoding="utf-8")
    for name, provider in registry(kind).items():
        assert re.search(rf"^\| `{name}` \|", text, re.MULTILINE), name
        assert [option for option in provider.OPTIONS if f"`{option}`" not in text] == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a copy of the collection, to each of whose registries a provider was added."""
    path = tmp_path_factory.mktemp("providers")
    collection = path / "collections/ansible_collections/strata/deploy"
    collection.mkdir(parents=True)
    shutil.copy(ROOT / "galaxy.yml", collection)
    for part in ("meta", "plugins", "roles"):
        shutil.copytree(ROOT / part, collection / part, ignore=shutil.ignore_patterns("__pycache__"))
    for kind in FOLDERS:
        add(collection / "plugins/module_utils", kind)
    return path


def add(module_utils: Path, kind: str) -> None:
    """A made-up provider: its file, and in the registry an import and a line."""
    shutil.copy(MADE_UP / f"{kind}.py", module_utils / FOLDERS[kind].replace(".", "/") / "made_up.py")
    path = module_utils / REGISTRIES[kind]
    text, count = re.subn(
        r"(\nPROVIDERS: .*\{\n)",
        rf"from {PACKAGE}.{FOLDERS[kind]}.made_up import MadeUp\n\1    MadeUp.NAME: MadeUp,\n",
        path.read_text(encoding="utf-8"),
    )
    assert count == 1
    path.write_text(text, encoding="utf-8")


def run(folder: Path, program: str, *arguments: str) -> str:
    """What a program of Ansible says that knows only the copy of the collection."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name(program)), *arguments],
        cwd=folder,  # out of reach of the checkout's ansible.cfg, whose collections are the checkout itself
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
            "ANSIBLE_COLLECTIONS_PATH": str(folder / "collections"),
            "ANSIBLE_LOCALHOST_WARNING": "0",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_PIPELINING": "1",
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr
    return done.stdout + done.stderr


def test_made_up_providers_work_through_the_modules_and_the_role(folder: Path) -> None:
    said = run(
        folder,
        "ansible-playbook",
        *("-vvv", "-i", "localhost,", "-c", "local"),
        *("-e", f"folder={folder}", "-e", f"ansible_python_interpreter={sys.executable}"),
        str(MADE_UP / "drive.yml"),
    )
    assert "s3cret" not in said


def test_the_choices_of_a_kind_are_documented_from_the_registry(folder: Path) -> None:
    said = run(folder, "ansible-doc", "strata.deploy.release")
    assert "archive, container, made_up, package" in " ".join(said.split())
