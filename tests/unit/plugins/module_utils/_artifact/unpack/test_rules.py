# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack.rules import UNCHANGED, Rules
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        (Rules(max_bytes=0), "at least 1"),
        (Rules(max_entries=0), "at least 1"),
        (Rules(setuid="keep"), "'refuse' or 'drop', not 'keep'"),
        (Rules(owner="no-such-user"), "owner 'no-such-user' is no user on this host"),
        (Rules(group="no-such-group"), "group 'no-such-group' is no group on this host"),
        (Rules(owner="4294967295"), "owner '4294967295' is no user on this host"),
        (Rules(group="9" * 30), "group '9{30}' is no group on this host"),
        (Rules(file_mode="416"), "the 0 in front"),  # what YAML makes of 0640 without quotes
        (Rules(file_mode="0440"), "gives the owner 0600 at least"),
        (Rules(file_mode="0666"), "does not let everybody write"),
        (Rules(file_mode="04755"), "the 0 in front"),
        (Rules(folder_mode="0640"), "gives the owner 0700 at least"),
        (Rules(folder_mode="u=rwX"), "'0740', in quotes"),
    ],
)
def test_what_cannot_be_followed_is_an_error(rules: Rules, why: str) -> None:
    with pytest.raises(StrataError, match=why):
        rules.validate()


def test_names_and_numbers_are_owners() -> None:
    rules = Rules(
        owner="root", group="54321", file_mode="0640", folder_mode="0750", setuid="drop", strip=True
    )
    assert rules.ids() == (0, 54321)
    assert Rules().ids() == (UNCHANGED, UNCHANGED)
    Rules().validate()


@pytest.mark.parametrize("rules", [Rules(owner="root"), Rules(group="54321")], ids=["owner", "group"])
def test_only_root_gives_files_away(monkeypatch: pytest.MonkeyPatch, rules: Rules) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    monkeypatch.setattr(os, "getegid", lambda: 4711)
    monkeypatch.setattr(os, "getgroups", list)
    with pytest.raises(StrataError, match="Only root can give"):
        rules.validate()
    Rules(owner="4711", group="4711").validate()
