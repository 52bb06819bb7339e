# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's part of ``migration``: an archive that the controller has, or fetches, is handed to the host."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.strata.deploy.plugins.action.release import checksum_for_host, concealed, fetched
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.arguments import FETCHED, source
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources import UNVERIFIED
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources.checksums import parse_checksum
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.manifest import outside_problem
from ansible_collections.strata.deploy.plugins.plugin_utils.host_action import DatabaseAction


class ActionModule(DatabaseAction):
    """Runs the module once, with a copy of the archive in the host's temporary folder where the controller has it."""

    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        args = dict(self._task.args)
        given = args.get("source") or {}
        is_here = bool(args.get("archive")) and not re.match("/|[a-z][a-z0-9+.-]*://", args["archive"])
        if is_here or (
            args.get("archive") and isinstance(given, Mapping) and given.get("fetch") == "controller"
        ):
            try:
                args = self._handed_over(args, given, is_here)
            except StrataError as error:
                return {"failed": True, "msg": f"On the controller: {error}"}
        answer: dict[str, Any] = self._execute_module(
            module_name="strata.deploy.migration",
            module_args=args,
            task_vars=task_vars,
            wrap_async=self._task.async_val and not self._connection.has_native_async,
        )
        return answer

    def _handed_over(self, args: dict[str, Any], given: Any, is_here: bool) -> dict[str, Any]:
        """The module's arguments once the host has a copy of the archive, which is verified here if the host could not."""
        problem = outside_problem("archive", args["archive"]) if is_here else None
        if problem:
            raise StrataError(problem)
        url = str(Path(args["archive"]).resolve()) if is_here else args["archive"]
        if is_here and not Path(url).is_file():
            raise StrataError(f"There is no file {url}.")
        if self._task.async_val:
            raise StrataError("With an archive of the controller a task cannot be async. Leave async out.")
        args = {name: value for name, value in args.items() if name != "source"}
        local = Path(url)
        checksum = args.get("checksum") or UNVERIFIED
        if not is_here or given or not (checksum == UNVERIFIED or parse_checksum(checksum)):
            local, args["checksum"] = _verified(url, args.get("checksum"), given)
        folder = self._connection._shell.tmpdir or self._make_tmp_path()
        args["archive"] = self._connection._shell.join_path(folder, Path(url).name if is_here else "artifact")
        self._transfer_file(str(local), args["archive"])
        self._fixup_perms2((folder, args["archive"]))
        return args


def _verified(url: str, checksum: str | None, given: Any) -> tuple[Path, str]:
    """A verified copy of the archive on the controller, and the checksum that the host is to compare."""
    if not isinstance(given, Mapping):
        raise StrataError("The option source must be a dictionary.")
    own = {name: value for name, value in given.items() if name != "fetch"}
    checked = ArgumentSpecValidator(FETCHED).validate({**own, "url": url, "checksum": checksum})
    if checked.error_messages:
        raise StrataError("; ".join(checked.error_messages))
    with concealed(checked.validated_parameters):
        wanted = source(checked.validated_parameters)
        wanted.validate()
        return fetched(wanted, checked.validated_parameters["max_bytes"]), checksum_for_host(wanted)
