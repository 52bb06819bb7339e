# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How this collection runs its modules on hosts: no answer of a host reaches Ansible but by `host_answer.accepted`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.plugins.action.normal import ActionModule as Normal

from ansible_collections.strata.deploy.plugins.module_utils._core.printable import printable
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.address import (
    PASSWORD_VARIABLE,
)
from ansible_collections.strata.deploy.plugins.plugin_utils.host_answer import ANSWERS, accepted


class HostAction(ActionBase):  # type: ignore[misc]
    """What each action of the collection that runs a module on a host derives from."""

    def _execute_module(self, module_name: str | None = None, **options: Any) -> dict[str, Any]:
        answer: dict[str, Any] = super()._execute_module(module_name=module_name, **options)
        module = (module_name or self._task.action).rpartition(".")[2]
        if module not in ANSWERS:
            return answer
        found = accepted(module, answer, is_async=bool(options.get("wrap_async")))
        if self._discovered_interpreter_key:
            # Ansible's own finding, which it keeps for the tasks that follow on this host.
            found["ansible_facts"] = {self._discovered_interpreter_key: self._discovered_interpreter}
        return found

    def _low_level_execute_command(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        """What a host prints beside an answer is shown in warnings and errors."""
        found: dict[str, Any] = super()._low_level_execute_command(*arguments, **options)
        for name in ("stdout", "stderr"):
            found[name] = printable(found[name])
            found[f"{name}_lines"] = found[name].splitlines()
        return found


class HostModule(HostAction, Normal):  # type: ignore[misc]
    """Runs the module of its task, and needs nothing else of the controller."""


class DatabaseAction(HostAction):
    """Hands a password in the task's environment to the module among its options.

    Ansible puts a task's environment on the command line of the host's shell, where every user of the host sees it.
    """

    def _execute_module(
        self,
        module_name: str | None = None,
        module_args: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        args = dict(self._task.args if module_args is None else module_args)
        password = self._taken_from_environment()
        if password and not args.get("password"):
            args["password"] = password
        return super()._execute_module(module_name=module_name, module_args=args, **options)

    def _taken_from_environment(self) -> str:
        given = self._task.environment or []
        kept, found = [], ""
        for each in given if isinstance(given, list) else [given]:
            variables = dict(self._templar.template(each) or {})
            found = str(variables.pop(PASSWORD_VARIABLE, found) or "")
            kept.append(variables)
        if found:
            self._task.environment = kept
        return found


class DatabaseModule(DatabaseAction, HostModule):
    """Runs the module of its task, which is one of a database."""
