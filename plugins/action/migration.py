# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's part of ``migration``: an archive that only the controller has is handed to the host."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.manifest import outside_problem
from ansible_collections.strata.deploy.plugins.plugin_utils.host_action import DatabaseAction


class ActionModule(DatabaseAction):
    """Runs the module once, with a copy of the archive in the host's temporary folder where its path is relative."""

    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        args = dict(self._task.args)
        if args.get("archive") and not re.match("/|[a-z][a-z0-9+.-]*://", args["archive"]):
            problem = outside_problem("archive", args["archive"])
            if problem:
                return {"failed": True, "msg": problem}
            local = Path(args["archive"]).resolve()
            if not local.is_file():
                return {"failed": True, "msg": f"On the controller: There is no file {local}."}
            if self._task.async_val:
                return {
                    "failed": True,
                    "msg": "With an archive of the controller a task cannot be async. Leave async out.",
                }
            folder = self._connection._shell.tmpdir or self._make_tmp_path()
            args["archive"] = self._connection._shell.join_path(folder, local.name)
            self._transfer_file(str(local), args["archive"])
            self._fixup_perms2((folder, args["archive"]))
        answer: dict[str, Any] = self._execute_module(
            module_name="strata.deploy.migration",
            module_args=args,
            task_vars=task_vars,
            wrap_async=self._task.async_val and not self._connection.has_native_async,
        )
        return answer
