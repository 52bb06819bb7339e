# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: report
type: aggregate
short_description: Repeat the deployment's report as the last lines of the output
version_added: 0.1.0
author: The Strata authors (@strata)
description:
  - The report of what was done, or of what failed where and why, comes from the deployment's last task.
  - Shows it once more below the recap, where an operator looks.
"""

from typing import Any

from ansible.plugins.callback import CallbackBase

from ansible_collections.strata.deploy.plugins.module_utils._core.printable import printable

ACTION = "strata.deploy.deployment"
PHASES = ("close", "status")
"""The phases of that action whose message is a report."""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "strata.deploy.report"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._report = ""

    def v2_runner_on_ok(self, result: Any) -> None:
        self._keep(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._keep(result)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        if self._report:
            self._display.display(self._report)

    def _keep(self, result: Any) -> None:
        if result.task.action == ACTION and result.task.args.get("phase") in PHASES:
            self._report = printable(str(result.result.get("msg", "")))
