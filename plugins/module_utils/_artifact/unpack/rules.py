# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an archive may hold, and what becomes of it on the host."""

from __future__ import annotations

import grp
import os
import pwd
import re
from dataclasses import dataclass
from typing import Callable

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

UNCHANGED = -1
"""For chown(2)."""
NO_ID = 2**32 - 1
"""One more than the greatest number of a user or group; to chown(2) it is `UNCHANGED` too."""


@dataclass(frozen=True)
class Rules:
    """Limits, and how the release is to look; an empty text leaves things as they come.

    Args:
        strip: take off the one folder that all the rest lies in.
        setuid: of files that are setuid or setgid: "refuse" or "drop" the bits.
        owner, group: a name or a number.
        file_mode, folder_mode: octal, with a zero in front. Files that their owner may run as packed may be run by all who may read them.
    """

    max_bytes: int = 2 * 1024**3
    max_entries: int = 100_000
    strip: bool = False
    setuid: str = "refuse"
    owner: str = ""
    group: str = ""
    file_mode: str = ""
    folder_mode: str = ""

    def validate(self) -> None:
        """Raise StrataError where they cannot be followed on this host, by this user."""
        if self.max_bytes < 1 or self.max_entries < 1:
            raise StrataError("The limits max_bytes and max_entries must be at least 1.")
        if self.setuid not in ("refuse", "drop"):
            raise StrataError(
                f"What to do with setuid files must be 'refuse' or 'drop', not {self.setuid!r}."
            )
        for name, mode, least in (
            ("file_mode", self.file_mode, 0o600),
            ("folder_mode", self.folder_mode, 0o700),
        ):
            if mode and not (
                re.fullmatch("0[0-7]{3}", mode) and int(mode, 8) & least == least and not int(mode, 8) & 0o002
            ):
                raise StrataError(
                    f"The {name} {mode!r} is not one: give a text such as '{least + 0o40:04o}', in quotes and with the 0 in"
                    f" front, which gives the owner {least:04o} at least, and does not let everybody write."
                )
        uid, gid = self.ids()
        if os.geteuid() != 0:
            if uid not in (UNCHANGED, os.geteuid()):
                raise StrataError(
                    f"Only root can give a release to the owner {self.owner!r}. Use become, or leave it out."
                )
            if gid not in (UNCHANGED, os.getegid(), *os.getgroups()):
                raise StrataError(
                    f"Only root can give a release to the group {self.group!r}, which the user is not in."
                    " Use become, or leave it out."
                )

    def ids(self) -> tuple[int, int]:
        """The numbers of owner and group; `UNCHANGED` where they stay."""
        return (
            _id(self.owner, "owner", "user", lambda name: pwd.getpwnam(name).pw_uid),
            _id(self.group, "group", "group", lambda name: grp.getgrnam(name).gr_gid),
        )


def _id(text: str, option: str, what: str, look_up: Callable[[str], int]) -> int:
    if not text:
        return UNCHANGED
    if text.isdecimal() and int(text) < NO_ID:
        return int(text)
    try:
        return look_up(text)
    except KeyError:
        raise StrataError(
            f"The {option} {text!r} is no {what} on this host. Create it, or give another."
        ) from None
