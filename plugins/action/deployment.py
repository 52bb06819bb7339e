# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One phase of a deployment; see the module `deployment` for its documentation."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleTemplateError, AnsibleUndefinedVariable
from ansible.plugins.action import ActionBase

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._deployment.lock import ensure_lock
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment import phases
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.batches import batch_size_problem
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.events import with_new_events
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.holder import holder
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.journal_entry import journal_entry
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.manifest import (
    Manifest,
    manifest_problems,
)
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.model import (
    CONTROLLER,
    Deployment,
    Failure,
    Settings,
    Verdict,
)
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.options import (
    Options,
    declared_options,
    option_problems,
    validated,
)
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.reader import read_deployment
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.report import backup_place, report
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.results import failure_reason
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.rotation import back_in_rotation
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.selection import within_limit
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.status import status
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.verdict import final_verdict

ROLES = Path(__file__).resolve().parents[2] / "roles"
RESULT = "strata_deployment"
"""What the plays register the phases as, on the controller."""
LOCK = "strata.deploy.deploy_lock"
LAYERS = ("artifact", "database", "feature")
"""What `rollback.yml` can roll back by itself."""


class ActionModule(ActionBase):
    """Builds the deployment from what the plays registered, and returns what the next plays read of it."""

    _VALID_ARGS = frozenset(("phase", "batch", "version"))

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        self._vars: dict[str, Any] = task_vars or {}
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
            return {**self._opened(), "failed": True, "msg": str(error), **error.details}
        except Exception as error:
            if phase in ("open", "status"):
                raise
            text = f"The phase '{phase}' of the deployment failed with an internal error: {error!r}. Please report it."
            return {**self._opened(), "failed": True, "msg": text, "exception": traceback.format_exc()}

    # The phases

    def _open(self) -> dict[str, Any]:
        options = declared_options(ROLES)
        fleet = list(self._value("deployment_fleet", []))
        layers = self._asked_layers()
        occasion = self._occasion()
        rolls_back = occasion.startswith("rollback")
        problems = option_problems(
            options, self._variables(fleet), self._needed(options, fleet, layers, rolls_back), self._read
        )
        features = validated(options.all["feature_flag_features"], self._value("feature_flag_features", []))
        app = str(self._value("deployment_app", ""))
        package = self._of_fleet(fleet, "artifact_package", {})
        manifest = Manifest(
            app=app,
            layers=layers,
            needs_release=not rolls_back,
            version=self._value("artifact_version", None),
            url=self._value("artifact_url", None),
            checksum=self._value("artifact_checksum", None),
            kind=self._of_fleet(fleet, "artifact_kind", "archive"),
            image=self._of_fleet(fleet, "artifact_image", ""),
            package=package.get("name") if isinstance(package, Mapping) else None,
            features=features or [],
            wanted_groups=self._wanted_groups(fleet, layers),
        )
        problems += manifest_problems(manifest, self._vars["groups"])
        settings = self._settings(fleet, features or [])
        problems += filter(None, [batch_size_problem(settings.batches)])
        if problems:
            lines = "\n".join(f"- {line}" for line in problems)
            return {
                "failed": True,
                "msg": f"The deployment cannot begin, and nothing was touched:\n{lines}",
            }
        identifier = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%fZ")
        subject = str(manifest.version or occasion)
        lock = self._lock(
            state="held",
            holder=holder(subject, identifier),
            break_id=self._value("deployment_break_lock", "") or None,
        )
        if failure_reason(lock):
            return lock
        deployment = Deployment(
            id=identifier,
            app=app,
            version=manifest.version or None,
            occasion=occasion,
            layers=tuple(layers),
            check_mode=self._task.check_mode,
            settings=settings,
            record=lock["drained"],
            unfinished=lock["unfinished"] or {},
            contracted=lock["contracted"],
        )
        return {
            **phases.as_result(deployment, Verdict()),
            "path": self._path(),
            "control_host": str(self._value("deployment_control_host", CONTROLLER)),
            "fleet": fleet,
            "selected": within_limit(fleet, str(self._vars.get("ansible_limit") or ""), self._vars["groups"]),
            "inspect_hosts": fleet if set(layers) != {"feature"} else [],
            "reads_pools": "fleet" in layers or (bool(lock["drained"]) and set(layers) != {"feature"}),
        }

    def _plan(self) -> dict[str, Any]:
        return self._kept(phases.plan(self._deployment()))

    def _record(self) -> dict[str, Any]:
        """Before a batch, a migration or a flag step: is the lock still ours, and what is about to be drained?"""
        deployment, batch = self._deployment(), self._task.args.get("batch") or []
        result = phases.record(deployment, batch)
        if not deployment.id or deployment.check_mode or not result["go"]:
            return result
        lock = self._lock(
            state="confirmed",
            holder=holder(self._subject(deployment), deployment.id),
            drained=result["recorded"],
            restored=back_in_rotation(deployment),
            note=f"backup: {place}" if (place := backup_place(deployment)) else None,
            contracted=deployment.plan.contracted if deployment.plan else None,
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
        return {**{name: self._opened().get(name) for name in ("path", "control_host")}, **result}

    def _close(self) -> dict[str, Any]:
        deployment = with_new_events(self._deployment())
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
        info = self._hostvars(CONTROLLER).get("__deployment_info") or {}
        fleet = list(self._value("deployment_fleet", []))
        opened = {
            "app": self._value("deployment_app", ""),
            "fleet": fleet,
            "record": info.get("drained") or {},
        }
        deployment = read_deployment(self._vars["hostvars"], opened)
        text = "\n".join(status(deployment, info))
        unread = [step for step in deployment.results if failure_reason(deployment.result(step))]
        hosts = [host for host in deployment.hosts if failure_reason(host.reading)]
        failed = bool(unread or hosts or failure_reason(info))
        return {"msg": text, "failed": failed, "_ansible_verbose_always": True}

    # What they need of Ansible

    def _deployment(self) -> Deployment:
        opened = self._opened() or self._alone()
        return read_deployment(self._vars["hostvars"], opened, check_mode=self._task.check_mode)

    def _opened(self) -> Mapping[str, Any]:
        """What an earlier phase registered; empty where no deployment was opened."""
        found: Mapping[str, Any] = self._hostvars(CONTROLLER).get(RESULT) or {}
        return found if found.get("id") else {}

    def _path(self) -> str:
        """The folder on the control host that has the lock, the record and the journal of the app."""
        return f"{self._value('deployment_state_dir', '')}/{self._value('deployment_app', '')}"

    def _alone(self) -> dict[str, Any]:
        """A role that is used by itself, without a lock and a journal."""
        fleet = list(self._task.args.get("batch") or [])
        pools = self._hostvars(self._vars["inventory_hostname"]).get("fleet_rolling_balancers") or []
        return {
            "version": self._task.args.get("version"),
            "layers": ["fleet"],
            "fleet": fleet,
            "settings": {"balancers": list(pools)},
            "record": self._value("fleet_rolling_record", {}),
        }

    def _asked_layers(self) -> list[str]:
        layer = self._value("layer", None)
        if self._value("deployment_occasion", "") == "rollback":
            if layer not in LAYERS:
                raise StrataError(
                    "Say which layer to roll back: -e layer=feature, -e layer=artifact or -e layer=database; "
                    f"layer is '{layer or ''}'. Nothing was touched."
                )
            return ["fleet" if layer == "artifact" else str(layer)]
        return list(self._value("deployment_layers", []))

    def _occasion(self) -> str:
        occasion = str(self._value("deployment_occasion", "deploy"))
        return f"rollback {self._value('layer', '')}" if occasion == "rollback" else occasion

    def _settings(self, fleet: Sequence[str], features: Sequence[Mapping[str, Any]]) -> Settings:
        database_host = self._value("db_migrate_host", None) or next(
            iter(self._group("deploy_db_group", "db")), CONTROLLER
        )
        return Settings(
            batches=_sequence(self._of_fleet(fleet, "fleet_rolling_batches", list(Settings.batches))),
            min_ready=self._of_fleet(fleet, "fleet_rolling_min_ready", Settings.min_ready),
            policy=str(self._of_fleet(fleet, "fleet_rolling_policy", Settings.policy)),
            balancers=tuple(self._group("deploy_lb_group", "lb")),
            features=tuple(features),
            database_host=database_host,
            phase=str(self._value("db_migrate_phase", "expand")),
            contract_from=self._value("db_migrate_contract_from", None) or None,
            allow_old_code=bool(validated({"type": "bool"}, self._value("db_migrate_allow_old_code", False))),
            backup=bool(
                self._value("db_migrate_backup", "") or self._hostvars(database_host).get("db_migrate_backup")
            ),
            analysed=any(
                self._of_fleet(fleet, name, []) for name in ("analysis_analyses", "synthetic_journeys")
            ),
        )

    def _needed(
        self, options: Options, fleet: Sequence[str], layers: Sequence[str], rolls_back: bool
    ) -> dict[str, list[str]]:
        """The options that each host cannot do without in these layers; what the manifest gives is checked there."""
        needed: dict[str, list[str]] = {}
        if {"artifact", "fleet"} & set(layers):
            for host in fleet:
                needed[host] = [name for name in options.required(["artifact"]) if name != "artifact_version"]
        if "fleet" in layers:
            for host in self._group("deploy_lb_group", "lb"):
                needed[host] = ["fleet_rolling_balancer"]
        if "feature" in layers and (self._value("feature_flag_features", []) or rolls_back):
            needed[CONTROLLER] = options.required(["feature_flag"])
        return needed

    def _wanted_groups(self, fleet: Sequence[str], layers: Sequence[str]) -> dict[str, str]:
        """The groups that the layers need: the variable that names one -> its name; no balancer without a member."""
        wanted = {}
        if {"artifact", "fleet"} & set(layers):
            wanted["deploy_fleet_group"] = "fleet"
        if "fleet" in layers and any(self._hostvars(host).get("fleet_rolling_member") for host in fleet):
            wanted["deploy_lb_group"] = "lb"
        if "database" in layers:
            wanted["deploy_db_group"] = "db"
        return {variable: str(self._value(variable, name)) for variable, name in wanted.items()}

    def _variables(self, fleet: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        hosts = [*fleet, *self._group("deploy_lb_group", "lb"), *self._group("deploy_db_group", "db")]
        return {CONTROLLER: self._vars, **{host: self._hostvars(host) for host in hosts}}

    def _group(self, variable: str, name: str) -> list[str]:
        return list(self._vars["groups"].get(self._value(variable, name), []))

    def _hostvars(self, host: str) -> Mapping[str, Any]:
        known: Mapping[str, Any] = self._vars["hostvars"].get(host) or {}
        return known

    def _value(self, name: str, default: Any) -> Any:
        """A variable as this task sees it, that of the play and of the role included."""
        return self._templar.template(self._vars[name]) if name in self._vars else default

    def _read(self, host: str, name: str) -> Any:
        """A host's option. Raises LookupError where it refers to something that is not known yet."""
        try:
            return self._value(name, None) if host == CONTROLLER else self._hostvars(host)[name]
        except AnsibleUndefinedVariable as error:
            raise LookupError(name) from error
        except AnsibleTemplateError as error:
            raise StrataError(f"The option '{name}' of {host} cannot be read: {error}") from error

    def _of_fleet(self, fleet: Sequence[str], name: str, default: Any) -> Any:
        """An option of the whole fleet: the first host's that has it."""
        own = (self._hostvars(host) for host in fleet)
        return next((each[name] for each in own if name in each), default)

    @staticmethod
    def _subject(deployment: Deployment) -> str:
        return str(deployment.version or deployment.occasion)

    def _lock(self, **params: Any) -> dict[str, Any]:
        """Call the lock's core on the control host; one that cannot be reached is an answer, too."""
        given = {name: value for name, value in params.items() if value is not None}
        given["path"] = self._opened().get("path") or self._path()
        try:
            if self._is_here():
                return ensure_lock(given, self._task.check_mode)
            answer: dict[str, Any] = self._execute_module(
                module_name=LOCK, module_args=given, task_vars=self._vars
            )
        except StrataError as error:
            return {"failed": True, "msg": str(error), **error.details}
        except AnsibleConnectionFailure as error:
            return {"failed": True, "msg": f"The control host cannot be reached: {error}"}
        return answer

    def _is_here(self) -> bool:
        """Whether the control host is this machine and this user, so that no module has to be started."""
        return self._connection.transport == "local" and not self._connection.become


def _sequence(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
