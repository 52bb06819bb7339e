# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users of the app in molecule/app, for bench/load.py: of each balancer some who are quick, and some who ask for what is slow."""

from __future__ import annotations

from functools import partial

import load

QUICK = 0.1
# An answer takes two seconds.
SLOW = 2.1
USERS = (("/", True, QUICK), ("/", False, QUICK), *[("/slow", False, SLOW)] * 3)
"""The path, whether the connection stays open, and the seconds between two requests."""


def users(options: load.Options) -> list[load.User]:
    return [
        load.User(partial(_ask, load.Client([url], options.log, keep=keep), path), interval, skips=True)
        for url in options.urls
        for path, keep, interval in USERS
    ]


def _ask(client: load.Client, path: str, _number: int, due: float) -> None:
    client.ask("slow" if path == "/slow" else "quick", "GET", path, due)
