# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import pwd

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.account import Account, account
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

NOBODY = pwd.getpwnam("nobody")


def as_user(monkeypatch: pytest.MonkeyPatch, uid: int) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: uid)


def test_root_becomes_the_user_with_its_groups_and_home(monkeypatch: pytest.MonkeyPatch) -> None:
    as_user(monkeypatch, 0)
    groups = tuple(os.getgrouplist("nobody", NOBODY.pw_gid))
    expected = Account("nobody", NOBODY.pw_uid, NOBODY.pw_gid, groups, NOBODY.pw_dir)
    assert account("nobody") == expected


@pytest.mark.parametrize(("user", "uid"), [(None, 0), ("", 1000), ("nobody", NOBODY.pw_uid)])
def test_without_a_change_of_user_there_is_no_account(
    monkeypatch: pytest.MonkeyPatch, user: str | None, uid: int
) -> None:
    as_user(monkeypatch, uid)
    assert account(user) is None


@pytest.mark.parametrize(
    ("user", "uid", "why"),
    [
        ("no-such-user", 0, "There is no user 'no-such-user' on this host"),
        ("root", NOBODY.pw_uid, "Running commands as 'root' needs root .* Set ansible_become"),
    ],
)
def test_a_user_that_cannot_be_changed_to_is_refused(
    monkeypatch: pytest.MonkeyPatch, user: str, uid: int, why: str
) -> None:
    as_user(monkeypatch, uid)
    with pytest.raises(StrataError, match=why):
        account(user)
