# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The phases of a deployment as the plays see them: each takes the deployment and returns what the next plays read.

The action plugin `deployment` is the only caller; it does what needs Ansible, the control host's modules for instance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.batches import (
    hosts_to_settle,
    settle_batch_sizes,
    settle_version,
)
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.events import with_new_events
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.model import (
    Deployment,
    Host,
    Plan,
    Verdict,
)
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.plan import (
    backs_up,
    make_plan,
    running_releases,
)
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.results import failure_reason
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.rotation import (
    members_to_drain,
    members_to_restore,
    out_before,
    to_record,
    without,
)
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.steps import (
    ACTIVATE,
    DRAIN,
    RECORD,
    ROLL_BACK,
    ROLL_BACK_HOOKS,
)
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.verdict import verdict


def plain(value: Any) -> Any:
    """A value as Ansible carries it; `dataclasses.asdict` copies, which Ansible's lazy containers refuse."""
    if is_dataclass(value):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    return value


def as_result(deployment: Deployment, found: Verdict) -> dict[str, Any]:
    """What each phase returns: what `reader.read_deployment` needs to go on, and what ``hosts`` and ``serial`` read."""
    plan = deployment.plan or Plan()
    begins = found.passed and deployment.plan is not None
    return {
        "id": deployment.id,
        "app": deployment.app,
        "version": deployment.version,
        "occasion": deployment.occasion,
        "layers": list(deployment.layers),
        "settings": plain(deployment.settings),
        "fleet": [host.name for host in deployment.hosts],
        "selected": [host.name for host in deployment.hosts if host.selected],
        "record": deployment.record,
        "unfinished": deployment.unfinished,
        "contracted": deployment.contracted,
        "plan": plain(deployment.plan),
        "noted": plain(deployment.noted),
        "events": plain(deployment.events),
        "verdict": {"passed": found.passed, "failures": plain(found.failures)},
        "target": deployment.target,
        "heal": plan.heal if deployment.plan and not deployment.check_mode else {},
        "stage_hosts": _stage_hosts(deployment) if begins else [],
        "fleet_hosts": list(plan.fleet_hosts) if begins else [],
        "batch_sizes": list(plan.batch_sizes),
        "steps": plain(plan.steps) if begins else [],
        "backs_up": begins and backs_up(deployment),
        "judged": "fleet" in deployment.layers,
        "settle_hosts": [],
        "settle_batch_sizes": [1],
    }


def _stage_hosts(deployment: Deployment) -> list[str]:
    return (
        [host.name for host in deployment.hosts if host.was_read] if "artifact" in deployment.layers else []
    )


def opened(deployment: Deployment) -> dict[str, Any]:
    """What the reading plays need: which hosts to read, and whether to read the balancers."""
    only_features = set(deployment.layers) == {"feature"}
    reads_pools = "fleet" in deployment.layers or (bool(deployment.record) and not only_features)
    return {
        **as_result(deployment, Verdict()),
        "inspect_hosts": [] if only_features else [host.name for host in deployment.hosts],
        "reads_pools": reads_pools,
    }


def plan(deployment: Deployment) -> dict[str, Any]:
    """Plan the deployment; where there are problems, no play after it has any host."""
    planned = with_new_events(replace(deployment, plan=make_plan(deployment)))
    found = verdict(planned)
    result = as_result(planned, found)
    result["running"] = running_releases(planned)
    return _nothing_begins(result) if result["plan"]["problems"] or not found.passed else result


def _nothing_begins(result: dict[str, Any]) -> dict[str, Any]:
    return {**result, "stage_hosts": [], "fleet_hosts": [], "steps": [], "backs_up": False}


def record(deployment: Deployment, batch: Sequence[str]) -> dict[str, Any]:
    """Whether to go on, and what of the batch is about to be taken out of rotation; settling always goes on."""
    hosts = deployment.named(batch)
    failures = verdict(deployment, in_hand=batch).failures
    # A hook must not keep the rest of the fleet from going back.
    stops = any(failure.tried != ROLL_BACK_HOOKS.tried for failure in failures)
    drain = members_to_drain(deployment, hosts, deployment.target or "")
    return {
        "go": not stops or bool(deployment.noted),
        "drain": drain,
        "recorded": to_record(deployment, drain),
        "record": deployment.record,
        "restore": [],
        "analyse": False,
    }


def judge(deployment: Deployment, batch: Sequence[str]) -> dict[str, Any]:
    """After the batch was activated, or rolled back: which members may be put back, and whether it is analysed then."""
    hosts = deployment.named(batch)
    recorded = dict(hosts[0].result(RECORD)) if hosts else {}
    others = out_before(recorded.get("recorded") or {}, hosts[0].result(DRAIN)) if hosts else {}
    return {
        **{name: recorded.get(name) for name in ("go", "drain")},
        **{name: without(recorded.get(name) or {}, others) for name in ("recorded", "record")},
        "out_before": others,
        "restore": members_to_restore(deployment, hosts, recorded.get("drain") or []),
        "analyse": _is_to_analyse(hosts) and not deployment.check_mode,
    }


def _is_to_analyse(hosts: Sequence[Host]) -> bool:
    activated = [host.result(ACTIVATE) for host in hosts]
    if any(failure_reason(result) for result in activated) or any(host.result(ROLL_BACK) for host in hosts):
        return False
    return any(result.get("changed") for result in activated)


def settle(deployment: Deployment) -> dict[str, Any]:
    """After the fleet was rolled: what the failure policy rolls back, in which order; keeps what failed so far."""
    found = verdict(deployment)
    kept = with_new_events(replace(deployment, noted=found.failures))
    result = {**as_result(kept, found), "judged": False}
    if any(failure.layer == "fleet" for failure in found.failures) and not deployment.is_rollback:
        hosts = hosts_to_settle(deployment)
        result["settle_hosts"] = [host.name for host in hosts]
        result["judged"] = bool(hosts)
        result["settle_batch_sizes"] = settle_batch_sizes(deployment, hosts)
        result["settle_versions"] = {host.name: settle_version(host) for host in hosts}
        result["reason"] = "; ".join(failure.reason for failure in found.failures)
    return result
