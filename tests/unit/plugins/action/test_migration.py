# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller hands to the host."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible import constants
from ansible.plugins.action import ActionBase

from ansible_collections.strata.deploy.plugins.action.migration import ActionModule
from ansible_collections.strata.deploy.plugins.module_utils._artifact.signatures import ssh
from ansible_collections.strata.deploy.plugins.module_utils._core.command import Result

HOST_FOLDER = "/home/deployer/.ansible/tmp/ansible-tmp-1"


class Controller(ActionModule):
    """The action with a host that takes down what it gets."""

    def __init__(self, args: dict[str, Any], async_val: int = 0, tmpdir: str = HOST_FOLDER) -> None:
        self._task = SimpleNamespace(args=args, async_val=async_val)
        shell = SimpleNamespace(tmpdir=tmpdir, join_path=os.path.join)
        self._connection = SimpleNamespace(_shell=shell, has_native_async=False)
        self.ran: list[dict[str, Any]] = []
        self.copied: list[tuple[str, str]] = []
        self.readable: list[str] = []

    def _make_tmp_path(self, remote_user: str | None = None) -> str:
        return HOST_FOLDER

    def _transfer_file(self, local_path: str, remote_path: str) -> str:
        self.copied.append((local_path, remote_path))
        return remote_path

    def _fixup_perms2(self, remote_paths: Any, remote_user: str | None = None, execute: bool = True) -> None:
        self.readable += remote_paths

    def _execute_module(self, **options: Any) -> dict[str, Any]:
        self.ran.append(options)
        return {"changed": True}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The controller's folder, which has an artifact; what Ansible itself prepares for an action is left out."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ActionBase, "run", lambda *arguments: {})
    (tmp_path / "shop.tar.gz").touch()


@pytest.mark.parametrize("tmpdir", [HOST_FOLDER, ""], ids=["a folder is there", "a folder is made"])
def test_an_archive_of_the_controller_is_copied_to_the_host(tmp_path: Path, tmpdir: str) -> None:
    action = Controller({"archive": "shop.tar.gz", "folder": "db"}, tmpdir=tmpdir)
    assert action.run(None, {"host": 1}) == {"changed": True}
    remote = f"{HOST_FOLDER}/shop.tar.gz"
    assert action.copied == [(str(tmp_path / "shop.tar.gz"), remote)]
    assert action.readable == [HOST_FOLDER, remote]
    (ran,) = action.ran
    assert ran["module_name"] == "strata.deploy.migration"
    assert ran["module_args"] == {"archive": remote, "folder": "db"}
    assert ran["task_vars"] == {"host": 1}
    assert action._task.args["archive"] == "shop.tar.gz"


@pytest.mark.parametrize("archive", ["/srv/shop.tar.gz", "https://h/shop.tar.gz", "oci://h/shop:2.0", None])
def test_what_the_host_gets_itself_is_left_to_it(archive: str | None) -> None:
    action = Controller({"archive": archive})
    action.run(None, {})
    assert (action.copied, action.ran[0]["module_args"]) == ([], {"archive": archive})


def test_an_archive_that_is_not_there_is_an_error_before_the_host_is_asked(tmp_path: Path) -> None:
    action = Controller({"archive": "none.tar.gz"})
    result = action.run(None, {})
    assert result["failed"]
    assert f"There is no file {tmp_path}/none.tar.gz" in result["msg"]
    assert (action.copied, action.ran) == ([], [])


def test_an_archive_of_the_controller_cannot_be_async() -> None:
    action = Controller({"archive": "shop.tar.gz"}, async_val=60)
    assert "cannot be async" in action.run(None, {})["msg"]
    assert (action.copied, action.ran) == ([], [])


def test_without_one_a_task_may_be_async() -> None:
    action = Controller({"folder": "/srv/db"}, async_val=60)
    action.run(None, {})
    assert action.ran[0]["wrap_async"]


def source_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, good: bool) -> dict[str, Any]:
    """A signature of which a tool says whether it is good."""
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    (tmp_path / "shop.tar.gz.sig").write_text("signed")
    monkeypatch.setattr(ssh, "run", lambda *arguments: Result("ssh-keygen", 0 if good else 255, "", ""))
    return {"signature": {"format": "ssh", "key": "ssh-ed25519 AAAA"}}


def test_an_archive_with_a_signature_is_verified_before_it_is_handed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = source_of(tmp_path, monkeypatch, good=True)
    (tmp_path / "SHA256SUMS").write_text(f"{hashlib.sha256(b'').hexdigest()}  shop.tar.gz\n")
    action = Controller(
        {"archive": "shop.tar.gz", "checksum": str(tmp_path / "SHA256SUMS"), "source": source}
    )
    action.run(None, {})
    (ran,) = action.ran
    assert ran["module_args"] == {
        "archive": f"{HOST_FOLDER}/shop.tar.gz",
        "checksum": f"sha256:{hashlib.sha256(b'').hexdigest()}",
    }


@pytest.mark.parametrize("archive", ["shop.tar.gz", "{here}/shop.tar.gz"])
def test_one_that_is_not_good_is_not_handed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, archive: str
) -> None:
    source = {**source_of(tmp_path, monkeypatch, good=False), "fetch": "controller"}
    archive = archive.format(here=tmp_path)
    action = Controller({"archive": archive, "checksum": "unverified", "source": source})
    answer = action.run(None, {})
    assert answer["failed"]
    assert answer["msg"].startswith(
        f"On the controller: Verifying the signature of {tmp_path}/shop.tar.gz: it is not a good one"
    )
    assert (action.ran, action.copied) == ([], [])
