# SPDX-License-Identifier: GPL-3.0-or-later
"""Who can change what lies at a path."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core import trust
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._core.trust import distrusted, require

OTHER = 12345


def problems(path: Path) -> list[tuple[str, str]]:
    return [(each.path, each.why) for each in distrusted(path)]


def test_what_is_not_there_is_trusted(tmp_path: Path) -> None:
    require(tmp_path, tmp_path / "srv/shop/state.json")


@pytest.mark.parametrize(
    ("mode", "why"),
    [(0o620, "can be written by the group"), (0o602, "by everybody"), (0o666, "by everybody"), (0o644, "")],
)
def test_a_file_that_others_write_is_not(tmp_path: Path, mode: int, why: str) -> None:
    path = tmp_path / "state.json"
    path.touch()
    path.chmod(mode)
    found = problems(path)
    assert [why in each for _path, each in found] == ([True] if why else [])


def test_the_error_says_which_path_what_is_wrong_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    (tmp_path / "a b").chmod(0o777)
    with pytest.raises(StrataError) as caught:
        require(tmp_path / "a b")
    assert f"{tmp_path}/a b can be written by everybody" in str(caught.value)
    assert f"`chmod go-w '{tmp_path}/a b'`" in str(caught.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root checks what leads to a path")
class TestAsRoot:
    def test_no_folder_on_the_way_may_be_writable(self, tmp_path: Path) -> None:
        (tmp_path / "open/shop").mkdir(parents=True)
        (tmp_path / "open").chmod(0o777)
        assert problems(tmp_path / "open/shop") == [(f"{tmp_path}/open", "can be written by everybody")]

    def test_one_may_where_everybody_keeps_what_is_their_own(self, tmp_path: Path) -> None:
        (tmp_path / "tmp/shop").mkdir(parents=True)
        (tmp_path / "tmp").chmod(0o1777)
        assert problems(tmp_path / "tmp/shop") == []
        assert problems(tmp_path / "tmp") == [(f"{tmp_path}/tmp", "can be written by everybody")]

    def test_a_link_is_followed_and_what_leads_to_its_target_checked(self, tmp_path: Path) -> None:
        (tmp_path / "open/real").mkdir(parents=True)
        (tmp_path / "open").chmod(0o777)
        (tmp_path / "a").mkdir()
        (tmp_path / "a/relative").symlink_to("../open/real")
        (tmp_path / "a/absolute").symlink_to(tmp_path / "open/real")
        for name in ("relative", "absolute"):
            assert problems(tmp_path / "a" / name / "x") == [
                (f"{tmp_path}/open", "can be written by everybody")
            ]

    def test_links_in_a_circle_are_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "a").symlink_to("b")
        (tmp_path / "b").symlink_to("a")
        with pytest.raises(OSError, match="Too many levels of symbolic links"):
            require(tmp_path / "a")

    def test_what_belongs_to_others_is_not_trusted(self, tmp_path: Path) -> None:
        (tmp_path / "shop").mkdir()
        (tmp_path / "shop/link").symlink_to("/")
        os.chown(tmp_path / "shop", OTHER, -1)
        os.chown(tmp_path / "shop/link", OTHER, -1, follow_symlinks=False)
        with pytest.raises(StrataError, match="belongs to the user 12345") as caught:
            require(tmp_path / "shop/link")
        assert f"`chown root {tmp_path}/shop && chown -h root {tmp_path}/shop/link`" in str(caught.value)
        require(tmp_path / "shop/link", also={OTHER})

    def test_the_operator_is_who_became_root(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("SUDO_UID", raising=False)
        assert trust.operator() == set()
        monkeypatch.setenv("SUDO_UID", "1000")
        assert trust.operator() == {1000}


class TestAsAnotherUser:
    @pytest.fixture(autouse=True)
    def user(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(trust.os, "geteuid", lambda: os.getuid() or OTHER)

    def test_what_leads_to_a_path_is_not_checked(self, tmp_path: Path) -> None:
        (tmp_path / "open/shop").mkdir(parents=True)
        (tmp_path / "open").chmod(0o777)
        assert problems(tmp_path / "open/shop") == []

    def test_a_folder_may_be_shared_with_the_users_own_group_but_no_file(self, tmp_path: Path) -> None:
        (tmp_path / "shop").mkdir()
        (tmp_path / "shop").chmod(0o2775)
        (tmp_path / "state.json").touch()
        (tmp_path / "state.json").chmod(0o664)
        assert problems(tmp_path / "shop") == []
        assert len(problems(tmp_path / "state.json")) == 1

    def test_the_operator_is_nobody_else(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SUDO_UID", "1000")
        assert trust.operator() == set()
