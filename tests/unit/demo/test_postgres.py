# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder in which root works for a server that is not root's."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Callable

import pytest

from demo import postgres
from demo.state import DemoError, State


def server(home: Path, user: str | None) -> postgres.Postgres:
    return postgres.Postgres(home, home / "bin", user, State(home))


@pytest.mark.parametrize(("user", "mode"), [("nobody", 0o711), (None, 0o700)])
def test_the_folder_is_ours_and_the_server_may_pass_through_it(
    tmp_path: Path, user: str | None, mode: int
) -> None:
    home = tmp_path / "home"
    for _again in range(2):
        postgres._make_home(server(home, user))
        status = home.stat()
        assert (status.st_uid, status.st_mode & 0o777) == (os.geteuid(), mode)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda home: home.symlink_to("/tmp"), id="link"),
        pytest.param(lambda home: home.touch(), id="file"),
        pytest.param(lambda home: (home.mkdir(), home.chmod(0o1777)), id="writable by others"),
    ],
)
def test_a_folder_that_others_may_change_is_refused(tmp_path: Path, make: Callable[[Path], object]) -> None:
    make(tmp_path / "home")
    with pytest.raises(DemoError, match="not this user's own folder"):
        postgres._make_home(server(tmp_path / "home", "nobody"))


def test_the_folder_of_another_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").mkdir(mode=0o711)
    monkeypatch.setattr(os, "geteuid", lambda: (tmp_path / "home").stat().st_uid + 1)
    with pytest.raises(DemoError, match="not this user's own folder"):
        postgres._make_home(server(tmp_path / "home", "nobody"))


def test_a_link_is_not_followed_when_a_file_is_given_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[bool] = []
    monkeypatch.setattr(os, "chown", lambda *_args, follow_symlinks=True: given.append(follow_symlinks))
    postgres._give(tmp_path, "nobody")
    assert given == [False]
