# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path for path in ROOT.rglob("*.md") if not re.match(r"\.|collections", str(path.relative_to(ROOT)))
)


@pytest.fixture(scope="module")
def built(tool: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    folder = tmp_path_factory.mktemp("build")
    tool("ansible-galaxy", "collection", "build", "--output-path", str(folder))
    with tarfile.open(next(folder.glob("strata-deploy-*.tar.gz"))) as archive:
        return set(archive.getnames())


def test_the_tarball_has_what_a_user_runs(built: set[str]) -> None:
    assert {
        "README.md",
        "LICENSE",
        "playbooks/deploy.yml",
        "playbooks/phases/fleet.yml",
        "plugins/modules/release.py",
        "roles/fleet_rolling/tasks/apply.yml",
        "meta/runtime.yml",
    } <= built


def test_the_tarball_leaves_the_project_behind(built: set[str]) -> None:
    tops = {name.split("/")[0] for name in built}
    assert tops.isdisjoint(
        {"collections", "demo", "tests", ".venv", ".demo", ".cache", ".git", "ansible.cfg", "Makefile"}
    )
    assert not any(name.startswith("inventories/demo") for name in built)


def test_no_module_is_in_the_requirements_of_itself() -> None:
    requirements = ROOT / "requirements.yml"
    listed = yaml.safe_load(requirements.read_text(encoding="utf-8"))["collections"]
    assert "strata.deploy" not in [item["name"] for item in listed]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    shown = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in headings]
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in shown}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_in_the_documentation_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)]*))?\)", text):
        if "://" not in target:
            found = page.parent / target if target else page
            assert found.exists(), f"{page.name}: {target}"
            assert not anchor or found.suffix != ".md" or anchor in anchors(found), f"{target}#{anchor}"


def test_every_module_and_role_is_in_the_index() -> None:
    text = (ROOT / "docs/README.md").read_text(encoding="utf-8")
    names = [path.stem for path in (ROOT / "plugins/modules").glob("*.py")]
    names += [path.name for path in (ROOT / "roles").iterdir()]
    assert [name for name in names if f"`{name}`" not in text] == []
