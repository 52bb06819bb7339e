# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs task files of the user for the hosts of a batch, and says for each host what became of them; it never fails itself."""

from __future__ import annotations

import json
import os
import tempfile
from typing import Any

from ansible import constants
from ansible.executor.process import worker
from ansible.plugins.action import ActionBase

from ansible_collections.strata.deploy.plugins.plugin_utils import user_tasks

MAGIC = ("ansible_play_batch", "ansible_play_hosts", "ansible_play_hosts_all")
OPTIONS = {"variable": {"type": "str", "required": True}, "delegate_to": {"type": "str", "default": ""}}


class ActionModule(ActionBase):
    """Runs each file once, on all of the hosts that have it."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        if self._task.check_mode:
            return {"skipped": True, "failures": {}, "variables": ""}
        magic = {name: (task_vars or {})[name] for name in MAGIC}
        try:
            return self._run(magic)
        except Exception as error:
            return {
                "failures": {host: str(error) for host in magic["ansible_play_batch"]},
                "variables": "",
                "changed": True,
            }

    def _run(self, magic: dict[str, list[str]]) -> dict[str, Any]:
        options = self.validate_argument_spec(OPTIONS)[1]
        lost = [host for host in magic["ansible_play_hosts_all"] if host not in magic["ansible_play_hosts"]]
        files, failures = self._files(options["variable"], magic)
        changed = False
        variables: list[dict[str, Any]] = []
        for file, hosts in files.items():
            outcome = user_tasks.run(
                file, hosts, lost, self._task, worker.current_worker, options["delegate_to"]
            )
            failures.update(outcome.failures)
            changed = changed or outcome.changed
            variables += [
                {"host": host, "name": name, "value": value}
                for host, values in outcome.variables.items()
                for name, value in values.items()
            ]
        return {
            "failures": failures,
            "variables": _written(variables) if variables else "",
            "changed": changed,
        }

    def _files(
        self, variable: str, magic: dict[str, list[str]]
    ) -> tuple[dict[str, list[str]], dict[str, str]]:
        """Each file with the hosts that have it, and why it is not known for the other hosts."""
        manager = worker.current_worker._variable_manager
        files: dict[str, list[str]] = {}
        failures: dict[str, str] = {}
        for host in magic["ansible_play_batch"]:
            found = manager.get_vars(
                play=self._task.get_play(), host=manager._inventory.get_host(host), task=self._task
            )
            templar = self._templar.copy_with_new_env(available_variables={**found, **magic})
            try:
                file = templar.template(found[variable])
            except Exception as error:
                failures[host] = f"The variable {variable} cannot be read: {error}"
                continue
            if file:
                files.setdefault(str(file), []).append(host)
        return files, failures


def _written(variables: list[dict[str, Any]]) -> str:
    """A file in Ansible's private folder for this run, because the values may be secret, and a result is shown with -v."""
    handle, path = tempfile.mkstemp(prefix="strata-variables-", dir=constants.DEFAULT_LOCAL_TMP)
    with os.fdopen(handle, "w") as file:
        json.dump(variables, file, default=str)
    return path
