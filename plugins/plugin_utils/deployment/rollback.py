# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The release that a fleet goes back to, the same for all of its hosts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.verdict import Variables


def rollback_target(variables: Variables, fleet: Sequence[str], wanted: str | None) -> str:
    """The version to which the artifact layer is rolled back.

    On a fleet that runs one release it is that release's predecessor. On a mixed one, which a rollback or a deployment
    left half-way, it is the release that is running somewhere and is bad nowhere.

    Args:
        wanted: the version that the operator asked for; None to find it.

    Raises:
        StrataError: it cannot be told, or a host cannot go back to it.
    """
    plans = {
        host: own["__artifact_plan"]
        for host in fleet
        for own in [variables.get(host, {})]
        if (own.get("__artifact_plan") or {}).get("current")
    }
    if not plans:
        raise StrataError("No host of the fleet runs a release that could be rolled back.")
    target = wanted or _found(plans)
    lacking = [host for host, plan in plans.items() if target not in _good(plan)]
    if lacking:
        raise StrataError(
            f"{', '.join(lacking)} cannot go back to {target}: it is not among the good releases there "
            f"({', '.join(_good(plans[lacking[0]])) or 'none'}). Say which with -e artifact_version=VERSION, or deploy it."
        )
    return target


def _found(plans: dict[str, Any]) -> str:
    bad = {
        release["version"]
        for plan in plans.values()
        for release in plan.get("releases") or []
        if release["state"] == "bad"
    }
    current = {plan["current"]["version"] for plan in plans.values()}
    if len(current) > 1:
        sound = current - bad
        if len(sound) == 1:
            return str(sound.pop())
        raise StrataError(
            f"The fleet runs {', '.join(sorted(current))}, so which release to go back to cannot be told. "
            "Say which with -e artifact_version=VERSION."
        )
    targets = {plan.get("rollback_target") for plan in plans.values()}
    if targets == {None}:
        raise StrataError(f"There is no earlier good release than {current.pop()} on any host of the fleet.")
    if len(targets) > 1:
        found = ", ".join(sorted(str(target) for target in targets))
        raise StrataError(
            f"The hosts' earlier good releases differ ({found}). Say which with -e artifact_version=VERSION."
        )
    return str(targets.pop())


def _good(plan: Any) -> list[str]:
    return [release["version"] for release in plan.get("releases") or [] if release["state"] == "good"]
