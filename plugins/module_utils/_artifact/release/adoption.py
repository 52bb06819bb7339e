# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adoption: releases that another tool left in the same folders, taken over where they lie.

Capistrano, Ansistrano and deploy_helper all have ``releases/NAME`` and ``current``. What they know of a release is in
its folder's name, in ``revisions.log`` (Capistrano), in ``REVISION`` (Capistrano and Ansistrano), and in
``DEPLOY_UNFINISHED`` (deploy_helper).
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.layout import (
    REVISIONS,
    VERSION,
    Layout,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.state import Release, State
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

REVISION_SIZE = 4096
UNFINISHED = "DEPLOY_UNFINISHED"
TIMESTAMP = re.compile(r"(\d{14})Z?")
LOGGED = re.compile(r"(deployed as|rolled back to) release (\S+)(?: by (.+))?$")


def adopted(layout: Layout, state: State, half_done: tuple[str, ...] = ()) -> State:
    """The state with the releases that it does not know, once ``current`` leads to one of them.

    That one is good, and so are those before it that were finished and, where the log tells, were current once and not
    rolled back from.
    The others are bad, for a rollback must not lead to them.

    Raises:
        StrataError: ``current`` leads to a folder that cannot be a release, and a rollback could not lead back to it.
    """
    current = layout.current()
    if current is None or current in state.releases or not layout.release(current).is_dir():
        return state
    found = [
        folder
        for folder in layout.releases.iterdir()
        if VERSION.fullmatch(folder.name)
        and folder.is_dir()
        and not folder.is_symlink()
        and folder.name not in (*state.releases, *half_done)
    ]
    if current not in (folder.name for folder in found):
        raise StrataError(
            f"{layout.link} leads to {layout.release(current)}, which cannot be taken over: it is a link itself, or its name"
            " is no version (letters, digits, '.', '_', '+' and '-', beginning with a letter or digit). Give it such a name,"
            " and have the link lead there."
        )
    log, left = _logged(layout)
    ages = {folder.name: _age(folder) for folder in found}
    by_name = all(TIMESTAMP.fullmatch(name) for name in ages)
    order = max((each.order for each in state.releases.values()), default=0)
    for folder in sorted(found, key=lambda each: each.name if by_name else ages[each.name] + each.name):
        name = folder.name
        if name == current:
            reason = None
        elif (name > current) if by_name else (ages[name], name) > (ages[current], current):
            reason = "It is newer than the release that was current when it was adopted."
        elif (folder / UNFINISHED).exists():
            reason = f"It was never finished ({UNFINISHED})."
        elif current in log and name not in log:
            reason = "It was never current (revisions.log)."
        elif name in left:
            reason = "It was rolled back from (revisions.log)."
        else:
            reason = None
        release = _release(folder, ages[name], log.get(name))
        if reason is None:
            order += 1
            release = replace(release, state="good", order=order)
        state = state.put(replace(release, reason=reason))
    # Whatever the order of the names, what is current was activated last.
    last = replace(state.releases[current], order=order + 1, activated_at=_time(layout.link.lstat().st_mtime))
    return state.put(last)


def _release(folder: Path, age: str, by: str | None) -> Release:
    revision = _revision(folder / "REVISION")
    return Release(
        folder.name,
        "bad",
        "unknown",
        {},
        f"revision {revision}" if revision else "adopted",
        age,
        deployed_by=by,
        adopted=True,
    )


def _revision(path: Path) -> str:
    """The first word of the file; empty if there is no file, or a link or pipe, which the release's owner could have made."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    with open(descriptor, encoding="utf-8", errors="replace") as file:
        said = file.read(REVISION_SIZE) if stat.S_ISREG(os.fstat(descriptor).st_mode) else ""
    return "".join(said.split()[:1])[:64]


def _logged(layout: Layout) -> tuple[Mapping[str, str | None], set[str]]:
    """The releases that Capistrano's log has as current once, with who deployed them; and those that a rollback left."""
    try:
        lines = (layout.root / REVISIONS).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return {}, set()
    logged: dict[str, str | None] = {}
    left: set[str] = set()
    last = ""
    for act, name, by in (found.groups() for found in map(LOGGED.search, lines) if found):
        logged[name] = by or logged.get(name)
        if act == "rolled back to":
            left.add(last)
        left.discard(name)
        last = name
    return logged, left


def _age(folder: Path) -> str:
    """When a release was made: by its name, if that is a time, or by its folder."""
    named = TIMESTAMP.fullmatch(folder.name)
    if named:
        try:
            made = datetime.strptime(named[1], "%Y%m%d%H%M%S").replace(tzinfo=timezone.utc)
        except ValueError:
            pass
        else:
            return made.strftime("%Y-%m-%dT%H:%M:%SZ")
    return _time(folder.stat().st_mtime)


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
