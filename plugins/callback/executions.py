# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: executions
type: aggregate
short_description: Count what a run executes, for each play
version_added: 0.1.0
author: The Strata authors (@strata)
description:
  - The cost of a run is its executions, tasks times hosts, and skipped ones cost too.
  - Counts for each play how many ran on managed hosts, how many on the controller and how many were skipped,
    and how long the play took. Each item of a loop counts.
  - The tasks of hooks and other task files of the user are not counted, but the time they take is.
  - Shows the table at the end with C(-v), and writes it to a file where O(file) is set.
options:
  file:
    description:
      - A file for the counts, as JSON, an object whose C(plays) is a list of objects with C(name), C(seconds), C(remote),
        C(local) and C(skipped).
    type: path
    env:
      - name: STRATA_EXECUTIONS_FILE
    ini:
      - section: callback_executions
        key: file
"""

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

# Actions that run in the controller's worker whatever host they are for.
CONTROLLER_ACTIONS = {
    "assert",
    "debug",
    "fail",
    "include_role",
    "include_tasks",
    "include_vars",
    "pause",
    "set_fact",
    "user_tasks",
}


@dataclass
class PlayCount:
    name: str
    seconds: float = 0.0
    remote: int = 0
    local: int = 0
    skipped: int = 0


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "strata.deploy.executions"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._plays: list[PlayCount] = []
        self._began = 0.0

    def v2_playbook_on_play_start(self, play: Any) -> None:
        now = time.monotonic()
        name = play.get_name().strip()
        self._end_play(now)
        self._plays.append(PlayCount(name))
        self._began = now

    def v2_runner_on_ok(self, result: Any) -> None:
        self._count(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._count(result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._count(result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        self._count(result, skipped=True)

    def v2_runner_item_on_ok(self, result: Any) -> None:
        self._count(result, item=True)

    def v2_runner_item_on_failed(self, result: Any) -> None:
        self._count(result, item=True)

    def v2_runner_item_on_skipped(self, result: Any) -> None:
        self._count(result, item=True, skipped=True)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        self._end_play(time.monotonic())
        path = self.get_option("file")
        if path:
            document = {"plays": [asdict(play) for play in self._plays]}
            Path(path).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        if self._display.verbosity:
            self._display.banner("EXECUTIONS")
            rows = [*self._plays, self._total()]
            width = max(len(row.name) for row in rows)
            self._display.display(f"{'':{width}}  remote  local  skipped  seconds")
            for row in rows:
                self._display.display(
                    f"{row.name:{width}}  {row.remote:6}  {row.local:5}  {row.skipped:7}  {row.seconds:7.1f}"
                )

    def _end_play(self, now: float) -> None:
        if self._plays:
            self._plays[-1].seconds = round(now - self._began, 3)

    def _total(self) -> PlayCount:
        total = PlayCount("all")
        for play in self._plays:
            total.seconds += play.seconds
            total.remote += play.remote
            total.local += play.local
            total.skipped += play.skipped
        return total

    def _count(self, outcome: Any, item: bool = False, skipped: bool = False) -> None:
        action = outcome.task.action.rpartition(".")[2]
        if not self._plays or action == "meta":
            return  # meta tasks run in the strategy itself
        # A loop counts by its items, and not again by their sum; an include is one execution, whatever it loops over.
        by_items = outcome.task.loop and not action.startswith("include_")
        if item != bool(by_items and (item or outcome.result.get("results"))):
            return
        play = self._plays[-1]
        if skipped:
            play.skipped += 1
        elif action in CONTROLLER_ACTIONS or (outcome.task.delegate_to or outcome.host.name) == "localhost":
            play.local += 1
        else:
            play.remote += 1
