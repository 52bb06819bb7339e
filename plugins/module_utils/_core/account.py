# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The user that a command runs as."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


@dataclass(frozen=True)
class Account:
    """A user of this host, with what a process needs to become that user."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str


def account(user: str | None) -> Account | None:
    """The account to change to; None where ``user`` is empty or is the user of this process.

    Raises:
        StrataError: there is no such user, or this process may not change to it.
    """
    if not user:
        return None
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise StrataError(
            f"There is no user '{user}' on this host to run commands as. Create the user, or correct its name."
        ) from None
    if os.geteuid() not in (0, entry.pw_uid):
        raise StrataError(f"Running commands as '{user}' needs root on this host. Set ansible_become for it.")
    if os.geteuid() != 0:
        return None
    groups = tuple(os.getgrouplist(entry.pw_name, entry.pw_gid))
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, groups, entry.pw_dir)
