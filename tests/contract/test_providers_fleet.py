# SPDX-License-Identifier: GPL-3.0-or-later
"""Adding a balancer, a flag service or an analysis touches its own file and one registry; roles and modules take it as it is."""

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
MADE_UP = Path(__file__).with_name("fleet_providers")
PACKAGE = "ansible_collections.strata.deploy.plugins.module_utils"
REGISTRIES = {"analysis": "_analysis.analyses", "balancer": "_fleet.balancers", "flag": "_feature.flags"}
PAGES = {"analysis": "analysis.md", "balancer": "balancer.md", "flag": "feature_flag.md"}


def registry(kind: str) -> Mapping[str, Any]:
    providers: Mapping[str, Any] = import_module(f"{PACKAGE}.{REGISTRIES[kind]}").PROVIDERS
    return providers


@pytest.mark.parametrize("kind", REGISTRIES)
def test_a_registry_is_alphabetical_and_its_classes_have_name_and_options(kind: str) -> None:
    providers = registry(kind)
    assert list(providers) == sorted(providers)
    assert [provider.NAME for provider in providers.values()] == list(providers)
    assert all(isinstance(provider.OPTIONS, Mapping) for provider in providers.values())


@pytest.mark.parametrize("kind", REGISTRIES)
def test_each_provider_has_its_row_in_the_documentation(kind: str) -> None:
    page = (ROOT / "docs/providers" / PAGES[kind]).read_text(encoding="utf-8")
    for name in registry(kind):
        assert re.search(rf"^\| `{name}` \|", page, re.MULTILINE), name


def add(collection: Path, kind: str) -> None:
    """A made-up provider: its file, and in the registry an import and a line."""
    folder = collection / "plugins/module_utils" / REGISTRIES[kind].replace(".", "/")
    shutil.copy(MADE_UP / f"{kind}.py", folder / "made_up.py")
    path = folder / "__init__.py"
    text = path.read_text(encoding="utf-8")
    text = re.sub(
        r"(\nPROVIDERS: .*\{\n)",
        rf"from {PACKAGE}.{REGISTRIES[kind]}.made_up import MadeUp\n\1    MadeUp.NAME: MadeUp,\n",
        text,
    )
    path.write_text(text, encoding="utf-8")


def test_a_made_up_provider_of_each_kind_works_through_modules_and_roles(tmp_path: Path) -> None:
    collection = tmp_path / "collections/ansible_collections/strata/deploy"
    for part in ("galaxy.yml", "meta", "plugins", "roles"):
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        collection.mkdir(parents=True, exist_ok=True)
        copy(ROOT / part, collection / part)
    for kind in REGISTRIES:
        add(collection, kind)
    (tmp_path / "pool.json").write_text('{"web1": "ready", "web2": "ready"}')
    (tmp_path / "flags.json").write_text("{}")
    (tmp_path / "gauge").write_text("3")
    run = subprocess.run(
        [
            str(Path(sys.executable).with_name("ansible-playbook")),
            *("-vvv", "-i", str(MADE_UP / "inventory.yml"), "-c", "local"),
            *("-e", f"folder={tmp_path}", "-e", f"ansible_python_interpreter={sys.executable}"),
            str(MADE_UP / "drive.yml"),
        ],
        cwd=tmp_path,  # out of reach of the checkout's ansible.cfg, whose collections are the checkout itself
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
            "ANSIBLE_COLLECTIONS_PATH": str(tmp_path / "collections"),
            "ANSIBLE_LOCALHOST_WARNING": "0",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_PIPELINING": "1",
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr
    assert "s3cret" not in run.stdout + run.stderr
