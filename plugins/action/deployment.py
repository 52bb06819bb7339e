# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One phase of a deployment; see the module `deployment` for its documentation."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleTemplateError, AnsibleUndefinedVariable
from ansible.plugins.action import ActionBase

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._deployment.lock import ensure_lock
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment import phases
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.holder import holder
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.journal_entry import journal_entry
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.model import (
    CONTROLLER,
    Deployment,
    Failure,
    Host,
    Verdict,
)
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.opening import asked
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.options import declared_options
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.reader import RESULT, read_deployment
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.report import backup_place, report
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.results import failure_reason
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.rotation import back_in_rotation
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.selection import within_limit
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.status import status
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.verdict import final_verdict

ROLES = Path(__file__).resolve().parents[2] / "roles"
LOCK = "strata.deploy.deploy_lock"


class ActionModule(ActionBase):
    """Builds the deployment from what the plays registered, and returns what the next plays read of it."""

    _VALID_ARGS = frozenset(("phase", "batch", "version"))

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        self._task_vars: dict[str, Any] = task_vars or {}
        self._variables = _Variables(self._task_vars, self._templar)
        phase = self._task.args.get("phase")
        verbs: Mapping[str, Callable[[], dict[str, Any]]] = {
            "open": self._open,
            "plan": self._plan,
            "record": self._record,
            "judge": self._judge,
            "settle": self._settle,
            "close": self._close,
            "status": self._status,
        }
        if phase not in verbs:
            return {"failed": True, "msg": f"There is no phase '{phase}'; there are: {', '.join(verbs)}."}
        try:
            return verbs[phase]()
        except StrataError as error:
            return {**self._opened, "failed": True, "msg": str(error), **error.details}
        except Exception as error:
            # A fault of ours must not keep the run from its end, where the lock is released.
            if phase in ("open", "status"):
                raise
            text = f"The phase '{phase}' of the deployment failed with an internal error: {error!r}. Please report it."
            return {**self._opened, "failed": True, "msg": text, "exception": traceback.format_exc()}

    # The phases

    def _open(self) -> dict[str, Any]:
        given = self._task_vars.get(RESULT, {})
        if not isinstance(given, Mapping) or (given and not {"changed", "failed"} & set(given)):
            raise StrataError(
                f"The variable '{RESULT}' holds the deployment itself and must not be given. Leave it out. Nothing was touched."
            )
        wanted = asked(self._variables, declared_options(ROLES))
        if wanted.problems:
            lines = "\n".join(f"- {line}" for line in wanted.problems)
            raise StrataError(f"The deployment cannot begin, and nothing was touched:\n{lines}")
        identifier = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%fZ")
        lock = self._lock(
            state="held",
            holder=holder(wanted.version or wanted.occasion, identifier),
            break_id=self._variables.value("deployment_break_lock", "") or None,
        )
        if failure_reason(lock):
            return lock
        deployment = Deployment(
            id=identifier,
            app=wanted.app,
            version=wanted.version,
            occasion=wanted.occasion,
            layers=wanted.layers,
            check_mode=self._task.check_mode,
            settings=wanted.settings,
            hosts=tuple(self._hosts(wanted.fleet)),
            record=lock["drained"],
            unfinished=lock["unfinished"] or {},
            contracted=lock["contracted"],
        )
        control_host = str(self._variables.value("deployment_control_host", CONTROLLER))
        return {**phases.opened(deployment), "path": self._path(), "control_host": control_host}

    def _hosts(self, fleet: Sequence[str]) -> list[Host]:
        limit = str(self._variables.value("ansible_limit", ""))
        selected = within_limit(fleet, limit, self._variables.groups)
        return [Host(name, selected=name in selected) for name in fleet]

    def _plan(self) -> dict[str, Any]:
        return self._kept(phases.plan(self._deployment()))

    def _record(self) -> dict[str, Any]:
        """Before anything changes: is the lock still ours, and what is about to be drained?"""
        deployment, batch = self._deployment(), self._task.args.get("batch") or []
        result = phases.record(deployment, batch)
        if not deployment.id or deployment.check_mode:
            return result
        going_on = {
            "drained": result["recorded"],
            "note": f"backup: {place}" if (place := backup_place(deployment)) else None,
            "contracted": deployment.plan.contracted if deployment.plan else None,
        }
        lock = self._lock(
            state="confirmed",
            holder=holder(self._subject(deployment), deployment.id),
            restored=back_in_rotation(deployment),
            **(going_on if result["go"] else {}),
        )
        if failure_reason(lock):
            return {**result, "go": False, "failed": True, "msg": failure_reason(lock)}
        return {**result, "record": lock["drained"]}

    def _judge(self) -> dict[str, Any]:
        return phases.judge(self._deployment(), self._task.args.get("batch") or [])

    def _settle(self) -> dict[str, Any]:
        return self._kept(phases.settle(self._deployment()))

    def _kept(self, result: dict[str, Any]) -> dict[str, Any]:
        """A phase's result with what only the first phase could tell."""
        return {**{name: self._opened.get(name) for name in ("path", "control_host")}, **result}

    def _close(self) -> dict[str, Any]:
        deployment = self._deployment()
        if not deployment.id:
            return {"failed": True, "msg": "No deployment was opened, so there is nothing to close."}
        found = final_verdict(deployment)
        lock = self._lock(
            state="absent",
            holder=holder(self._subject(deployment), deployment.id),
            restored=back_in_rotation(deployment),
            journal=journal_entry(deployment, found),
        )
        reason = failure_reason(lock)
        if reason:
            failure = Failure("close", "writing the journal and releasing the lock", reason)
            found = Verdict((*found.failures, failure))
        text = "\n".join(report(deployment, found))
        return {"msg": text, "failed": not found.passed, "_ansible_verbose_always": True}

    def _status(self) -> dict[str, Any]:
        info = self._of_controller("__deployment_info")
        fleet = list(self._variables.value("deployment_fleet", []))
        opened = {
            "app": self._variables.value("deployment_app", ""),
            "fleet": fleet,
            "record": info.get("drained") or {},
        }
        deployment = read_deployment(self._variables.hostvars, opened)
        text = "\n".join(status(deployment, info))
        unread = [step for step in deployment.results if failure_reason(deployment.result(step))]
        hosts = [host for host in deployment.hosts if failure_reason(host.reading)]
        failed = bool(unread or hosts or failure_reason(info))
        return {"msg": text, "failed": failed, "_ansible_verbose_always": True}

    # What they need of Ansible

    def _deployment(self) -> Deployment:
        opened = self._opened or self._alone()
        return read_deployment(self._variables.hostvars, opened, check_mode=self._task.check_mode)

    @cached_property
    def _opened(self) -> Mapping[str, Any]:
        """What an earlier phase registered; empty where no deployment was opened."""
        found: Mapping[str, Any] = self._of_controller(RESULT)
        return found if isinstance(found, Mapping) and found.get("id") else {}

    def _of_controller(self, name: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = (self._variables.hostvars.get(CONTROLLER) or {}).get(name) or {}
        return found

    def _path(self) -> str:
        """The folder on the control host that has the lock, the record and the journal of the app."""
        return f"{self._variables.value('deployment_state_dir', '')}/{self._variables.value('deployment_app', '')}"

    def _alone(self) -> dict[str, Any]:
        """A role that is used by itself, without a lock and a journal."""
        fleet = list(self._task.args.get("batch") or [])
        pools = self._variables.value("fleet_rolling_balancers", [])
        return {
            "version": self._task.args.get("version"),
            "layers": ["fleet"],
            "fleet": fleet,
            "settings": {"balancers": list(pools)},
            "record": self._variables.value("fleet_rolling_record", {}),
        }

    @staticmethod
    def _subject(deployment: Deployment) -> str:
        return str(deployment.version or deployment.occasion)

    def _lock(self, **params: Any) -> dict[str, Any]:
        """Call the lock's core on the control host; one that cannot be reached is an answer, too."""
        given = {name: value for name, value in params.items() if value is not None}
        given["path"] = self._opened.get("path") or self._path()
        try:
            if self._is_here():
                return ensure_lock(given, self._task.check_mode)
            answer: dict[str, Any] = self._execute_module(
                module_name=LOCK, module_args=given, task_vars=self._task_vars
            )
        except StrataError as error:
            return {"failed": True, "msg": str(error), **error.details}
        except AnsibleConnectionFailure as error:
            return {"failed": True, "msg": f"The control host cannot be reached: {error}"}
        return answer

    def _is_here(self) -> bool:
        """Whether the control host is this machine and this user, so that no module has to be started."""
        return self._connection.transport == "local" and not self._connection.become


class _Variables:
    """The variables of the task and of all hosts, templated when they are read."""

    def __init__(self, task_vars: dict[str, Any], templar: Any) -> None:
        self._own = task_vars
        self._templar = templar
        self.groups: Mapping[str, Sequence[str]] = task_vars.get("groups") or {}

    def value(self, name: str, default: Any) -> Any:
        return self._templar.template(self._own[name]) if name in self._own else default

    def names(self, host: str) -> Mapping[str, Any]:
        return self._own if host == CONTROLLER else self.hostvars.get(host) or {}

    def of_host(self, host: str, name: str) -> Any:
        try:
            return self.value(name, None) if host == CONTROLLER else self.hostvars[host][name]
        except AnsibleUndefinedVariable as error:
            raise LookupError(name) from error
        except AnsibleTemplateError as error:
            raise StrataError(f"The option '{name}' of {host} cannot be read: {error}") from error

    @property
    def hostvars(self) -> Mapping[str, Mapping[str, Any]]:
        found: Mapping[str, Mapping[str, Any]] = self._own.get("hostvars") or {}
        return found
