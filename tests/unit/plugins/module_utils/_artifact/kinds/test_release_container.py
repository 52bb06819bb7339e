# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds import docker
from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds.release_container import (
    ReleaseContainer,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

FACTS: dict[str, Any] = {
    "name": "",
    "ports": ["80:8080"],
    "volumes": ["/srv/data:/data"],
    "network": "front",
    "command": ["serve"],
    "user": "1000",
    "restart": "always",
    "labels": {"team": "shop"},
    "options": ["--init"],
    "reference": "shop@sha256:12",
    "image": "sha256:34",
    "digest": "56",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "shop/releases/2.0+1"
    folder.mkdir(parents=True)
    (folder / "container.json").write_text(json.dumps(FACTS))
    (folder / "container.env").write_text("TOKEN=s3cret-token\nDEBUG=1\n")
    return folder


def test_a_folder_that_has_none_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StrataError, match=r"has no container\.json: .* Stage it again"):
        ReleaseContainer(tmp_path)


@pytest.mark.parametrize(("given", "name"), [("", "shop-2.0_1"), ("front", "front-2.0_1")])
def test_it_is_called_as_the_app_and_the_version(folder: Path, given: str, name: str) -> None:
    (folder / "container.json").write_text(json.dumps({**FACTS, "name": given}))
    assert ReleaseContainer(folder).name == name


def test_it_is_created_as_its_folder_says(folder: Path) -> None:
    assert ReleaseContainer(folder).words() == [
        *("--name", "shop-2.0_1", "--pull", "never", "--restart", "no"),
        *("--env-file", str(folder / "container.env")),
        *("--label-file", str(folder / "container.labels")),
        *("--publish", "80:8080", "--volume", "/srv/data:/data", "--network", "front", "--user", "1000"),
        *("--init", "sha256:34", "serve"),
    ]


def test_its_secrets_are_the_values_of_its_environment_but_not_the_shortest(folder: Path) -> None:
    assert ReleaseContainer(folder).secrets == ("s3cret-token",)
    (folder / "container.env").unlink()
    assert ReleaseContainer(folder).secrets == ()


@pytest.mark.parametrize(
    ("reference", "found", "asked"),
    [
        ("shop@sha256:12", {"Id": "sha256:34"}, [("pull", "--quiet", "shop@sha256:12")]),
        ("shop:2.0", {"Id": "sha256:34"}, []),
    ],
)
def test_an_image_that_was_cleaned_away_is_fetched_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch, reference: str, found: dict[str, str], asked: list[Any]
) -> None:
    calls: list[tuple[str, ...]] = []
    monkeypatch.setattr(docker, "run", lambda *words, **_options: calls.append(words))
    monkeypatch.setattr(docker, "inspect", lambda *_words: found)
    (folder / "container.json").write_text(json.dumps({**FACTS, "reference": reference}))
    ReleaseContainer(folder).fetch_again()
    assert calls == asked


@pytest.mark.parametrize("found", [None, {"Id": "sha256:another"}])
def test_an_image_that_cannot_be_had_again_is_an_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch, found: dict[str, str] | None
) -> None:
    monkeypatch.setattr(docker, "run", lambda *_words, **_options: "")
    monkeypatch.setattr(docker, "inspect", lambda *_words: found)
    with pytest.raises(StrataError, match=r"was removed from the host .* stage it again"):
        ReleaseContainer(folder).fetch_again()


def test_its_labels_lie_in_a_file_of_its_owner(folder: Path) -> None:
    ReleaseContainer(folder).write_labels()
    file = folder / "container.labels"
    assert file.read_text().splitlines() == [
        "team=shop",
        f"strata.deploy.root={folder.parent.parent}",
        "strata.deploy.version=2.0+1",
        "strata.deploy.digest=56",
    ]
    assert file.stat().st_mode & 0o777 == 0o600
