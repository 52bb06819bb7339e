# SPDX-License-Identifier: GPL-3.0-or-later
"""The release module: its options, and what it refuses before anything changes."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any, Callable

import pytest
from archives import file, zipped

Run = Callable[..., dict[str, Any]]


def test_a_release_is_unpacked_as_it_is_asked_for(run_module: Run, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(zipped(file("top/app.py", mode=0o4755), file("top/etc/shop.conf")))
    arguments = {
        "path": str(tmp_path / "shop"),
        "version": "1.0",
        "url": str(tmp_path / "a"),
        "state": "staged",
    }
    arguments |= {"checksum": "unverified", "strip": True, "file_mode": "0640", "folder_mode": "0750"}
    assert "setuid" in run_module("release", arguments)["msg"]
    result = run_module("release", {**arguments, "setuid": "drop", "group": str(os.getgid()), "owner": ""})
    assert result["changed"], result
    release = tmp_path / "shop/releases/1.0"
    modes = {
        path: stat.S_IMODE((release / path).stat().st_mode)
        for path in (".", "app.py", "etc", "etc/shop.conf")
    }
    assert modes == {".": 0o750, "app.py": 0o750, "etc": 0o750, "etc/shop.conf": 0o640}


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"state": "staged", "version": "1.0"}, "url, checksum"),
        ({"state": "active"}, "version"),
        (
            {"state": "staged", "version": "../1.0", "url": "/a", "checksum": "unverified"},
            "not a safe folder name",
        ),
        ({"state": "staged", "version": "1.0", "url": "/a", "checksum": "sha256:1"}, "neither sha256:HEX"),
        (
            {"state": "staged", "version": "1.0", "url": "/nowhere/a", "checksum": "unverified"},
            "No such file",
        ),
        (
            {"state": "staged", "version": "1.0", "url": "/a", "checksum": "unverified", "max_bytes": 0},
            "at least 1",
        ),
        (
            {"state": "staged", "version": "1.0", "url": "/a", "checksum": "unverified", "shared": ["../a"]},
            "shared path",
        ),
        (
            {"state": "staged", "version": "1.0", "url": "/a", "checksum": "unverified", "owner": "no-such"},
            "no user on this host",
        ),
        (
            {"state": "staged", "version": "1.0", "url": "/a", "checksum": "unverified", "file_mode": 416},
            "in quotes",
        ),
        ({"state": "rolled_back"}, "no earlier good release"),
        (
            {"state": "active", "version": "1.0", "service": {"manager": "systemd"}},
            "missing required arguments: name",
        ),
    ],
)
@pytest.mark.parametrize("check", [False, True])
def test_bad_input_is_a_clear_error_before_anything_changes(
    run_module: Run, tmp_path: Any, arguments: dict[str, Any], why: str, check: bool
) -> None:
    result = run_module("release", {"path": str(tmp_path / "shop"), **arguments}, check=check)
    assert result["failed"]
    assert why in result["msg"]
    assert not (tmp_path / "shop" / "current").exists()
    assert not list((tmp_path / "shop").glob("releases/*"))


def test_what_a_container_s_environment_holds_is_in_no_answer(
    run_module: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    made = {
        "environment": {"TOKEN": "7", "KEY": "s3cret"},
        "labels": {"route": "s3label", "short": "7"},
        "command": ["serve", "--token", "s3word"],
        "options": ["--hostname=s3option"],
        "registry": {"username": "anna", "password": "s3same"},
    }
    options = {
        "path": str(tmp_path),
        "version": "1.7",
        "state": "staged",
        "kind": "container",
        "container": made,
    }
    failed = run_module("release", {**options, "image": "shop:1.7"})
    assert "The image 'shop:1.7' has no digest" in failed["msg"]
    assert "s3" not in json.dumps(failed)
    shown = failed["invocation"]["module_args"]["container"]
    assert shown["environment"] == ["KEY", "TOKEN"]
    assert shown["labels"] == ["route", "short"]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (
            {"url": "/a", "checksum": "unverified", "image": "shop"},
            "There is an image, and the kind is archive",
        ),
        ({"kind": "package"}, "kind 'package' are not valid: missing required arguments: name"),
        ({"kind": "container"}, "either an image, or the url"),
    ],
)
def test_each_kind_needs_options_of_its_own(
    run_module: Callable[..., dict[str, Any]], tmp_path: Path, options: dict[str, Any], why: str
) -> None:
    failed = run_module("release", {"path": str(tmp_path), "version": "1.0", "state": "staged", **options})
    assert why in failed["msg"]
    assert failed["untouched"]
