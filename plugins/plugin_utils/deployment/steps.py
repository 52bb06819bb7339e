# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a deployment: every task whose failure the verdict must see, and the name that it registers.

These tables are the only place that knows the registered names. A contract test compares them with the tasks of the
roles; at run time a failed result that no table lists is a failure, too.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One task: what it registers, which layer it belongs to, and what it tries, as the report says it."""

    register: str
    layer: str
    tried: str


READ = Step("__artifact_plan", "open", "reading what runs there")
STAGE = Step("__artifact_stage", "artifact", "staging the release")
RECORD = Step("__fleet_rolling_batch", "fleet", "confirming the lock and recording the batch")
DRAIN = Step("__fleet_rolling_drain", "fleet", "draining the batch")
ACTIVATE = Step("__artifact_activate", "fleet", "activating the release")
ROLL_BACK = Step("__artifact_rollback", "fleet", "rolling the release back")
ROLL_BACK_HOOKS = Step("__artifact_rollback_hooks", "fleet", "running the hooks of the rollback")
RESTORE = Step("__fleet_rolling_restore", "fleet", "putting the batch back into rotation")
ANALYSE = Step("__analysis_verify", "fleet", "the analysis after the batch")

HOST_STEPS = (READ, STAGE, RECORD, DRAIN, ACTIVATE, ROLL_BACK, ROLL_BACK_HOOKS, RESTORE, ANALYSE)
"""In the order in which a deployment takes them; each registers on the hosts of the fleet."""

INSTALL_DRIVER = Step("__db_migrate_install", "open", "installing the database driver")
PLAN_DATABASE = Step("__db_migrate_plan", "open", "planning the migrations")
READ_POOLS = Step("__fleet_rolling_pool", "open", "reading the balancers")
READ_FLAGS = Step("__feature_flag_plan", "open", "reading the feature flags")
PLAN = Step("__deployment_plan", "open", "checking the plan")
CONFIRM_HEAL = Step("__fleet_rolling_confirm", "open", "confirming the lock before members are put back")
HEAL = Step("__fleet_rolling_heal", "open", "putting back what an earlier deployment took out of rotation")
CONFIRM = Step("__deployment_gate", "database", "confirming the lock")
BACK_UP = Step("__db_migrate_backup", "database", "backing the database up")
NOTE = Step("__deployment_note", "database", "noting in the lock where the backup is")
MIGRATE = Step("__db_migrate_apply", "database", "migrating the database")
ROLL_BACK_DATABASE = Step("__db_migrate_rollback", "database", "rolling back the migration")
CONFIRM_FEATURES = Step("__feature_flag_gate", "feature", "confirming the lock before the features")
SWITCH_FLAG = Step("__feature_flag_apply", "feature", "switching the feature")
RAMP = Step("__feature_flag_failure", "feature", "ramping the feature")
RESTORE_FLAG = Step("__feature_flag_restore", "feature", "putting the flag back after that")
ROLL_BACK_FLAGS = Step("__feature_flag_rollback", "feature", "putting the flag back")

CONTROLLER_STEPS = (
    INSTALL_DRIVER,
    PLAN_DATABASE,
    READ_POOLS,
    READ_FLAGS,
    PLAN,
    CONFIRM_HEAL,
    HEAL,
    CONFIRM,
    BACK_UP,
    NOTE,
    MIGRATE,
    ROLL_BACK_DATABASE,
    CONFIRM_FEATURES,
    RAMP,
    RESTORE_FLAG,
    ROLL_BACK_FLAGS,
)
"""In the order in which a deployment takes them; each registers on localhost."""

JUDGED_ELSEWHERE = {
    "__artifact_activate_failure": "the activation itself has registered the failure that this one repeats",
    "__artifact_hook": "it never fails itself; the check after it fails with what it returns",
    "__artifact_hook_variables": "the check after it fails with it, on each host",
    "__artifact_hook_check": "its failure ends the block, whose rescue fails the staging, the activation or the hooks of the rollback",
    "__db_migrate_backup_tasks": "it never fails itself; the check of the backup fails with what it returns",
    SWITCH_FLAG.register: "its failure ends the ramp, which registers it as __feature_flag_failure",
    "__artifact_signed": "the next task fails with its reason, before the deployment is opened",
    "__deployment_info": "read by the phase `status`, which fails with it",
    "__artifact_prune": "a hook of the activation; its failure fails the activation",
    "__artifact_verify": "read by roles/artifact/tasks/verify.yml alone, which no playbook runs",
}
"""Registered results that are no steps, each with the reason."""
