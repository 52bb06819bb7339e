# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the journal keeps of a deployment."""

from __future__ import annotations

from typing import Any

from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.model import Deployment, Verdict
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.report import backup_place
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.steps import MIGRATE


def journal_entry(deployment: Deployment, verdict: Verdict) -> dict[str, Any]:
    """The entry of a deployment; the lock's module adds who ran it and when.

    ``took_over`` is what a deployment that died before its own entry had noted in the lock: the place of its backup.
    """
    migration, dead = deployment.result(MIGRATE), deployment.unfinished
    return {
        "app": deployment.app,
        "occasion": deployment.occasion,
        "version": deployment.target,
        "outcome": "succeeded" if verdict.passed else "failed",
        "failures": [
            {"layer": item.layer, "tried": item.tried, "hosts": list(item.hosts), "reason": item.reason}
            for item in verdict.failures
        ],
        "hosts": {host.name: host.version for host in deployment.hosts},
        # A failure reports what was applied before it as done.
        "migrations": list(migration.get("done") or migration.get("applied") or []),
        "backup": backup_place(deployment),
        "took_over": {"id": dead["id"], "note": dead.get("note", "")} if dead else None,
    }
