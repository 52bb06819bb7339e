# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a deployment stands, derived from what its tasks registered. What is not known to have succeeded has failed.

Every task that touches something registers its result and is ignored when it fails, so that no host leaves the play and
the last play always runs. The failures are found here, and the last task of the deployment fails with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.model import (
    Deployment,
    Failure,
    Host,
    Verdict,
)
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.plan import backs_up
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.results import (
    failure_reason,
    succeeded,
    was_skipped,
)
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.rotation import still_out
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.steps import (
    ACTIVATE,
    ANALYSE,
    BACK_UP,
    CONFIRM,
    CONFIRM_FEATURES,
    CONFIRM_HEAL,
    CONTROLLER_STEPS,
    DRAIN,
    HEAL,
    HOST_STEPS,
    MIGRATE,
    NOTE,
    PLAN,
    PLAN_DATABASE,
    READ,
    READ_FLAGS,
    READ_POOLS,
    RECORD,
    RESTORE,
    ROLL_BACK,
    ROLL_BACK_DATABASE,
    ROLL_BACK_FLAGS,
    STAGE,
    SWITCH_FLAG,
    Step,
)

NO_RESULT = "it left no result, so it is not known to have run"
SKIPPED = "it was skipped, although it had to run"


def verdict(deployment: Deployment, *, in_hand: Sequence[str] = ()) -> Verdict:
    """What has failed so far, in the order in which the deployment takes its steps.

    Args:
        in_hand: hosts of the batch that is being rolled; what they have not come to yet is not missing.
    """
    failures = deployment.noted
    for found in (_failed(deployment), _left_out(deployment, in_hand), deployment.unclassified):
        failures += _new(found, failures)
    return Verdict(failures)


def final_verdict(deployment: Deployment) -> Verdict:
    """What a deployment concludes at its end, where each step that was planned must have succeeded."""
    so_far = verdict(deployment)
    if not so_far.passed:
        return so_far
    return Verdict(tuple(_merged(_unfinished(deployment))) or tuple(_out_of_rotation(deployment)))


def _failed(deployment: Deployment) -> tuple[Failure, ...]:
    """The failures that the steps registered."""
    on_hosts = [
        Failure(step.layer, step.tried, reason, (host.name,))
        for step in HOST_STEPS
        for host in deployment.hosts
        if (reason := failure_reason(host.result(step)))
    ]
    on_controller = [
        Failure(step.layer, step.tried, reason)
        for step in CONTROLLER_STEPS
        if (reason := failure_reason(deployment.result(step)))
    ]
    return tuple(_merged(on_hosts + on_controller))


def _left_out(deployment: Deployment, in_hand: Sequence[str]) -> tuple[Failure, ...]:
    """Steps that a batch which has begun did not take."""
    found = [
        _missing(step, host)
        for host in deployment.hosts
        if host.name not in in_hand and host.result(RECORD).get("go")
        for step in _steps_of(deployment, host)
        if _is_missing(deployment, host, step)
    ]
    return tuple(_merged(found))


def _steps_of(deployment: Deployment, host: Host) -> Iterator[Step]:
    """The steps that a host takes once its batch has begun, as far as none of them fails."""
    record = host.result(RECORD)
    change = ROLL_BACK if deployment.is_rollback or host.result(ROLL_BACK) else ACTIVATE
    drained = host.member in record.get("drain", ()) and deployment.settings.balancers
    for step, expected in ((DRAIN, drained), (change, True), (RESTORE, drained and host.is_fit)):
        if expected:
            yield step
            if failure_reason(host.result(step)):
                return
    if record.get("analyse") and deployment.settings.analysed:
        yield ANALYSE


def _is_missing(deployment: Deployment, host: Host, step: Step) -> bool:
    result = host.result(step)
    if step is ANALYSE and failure_reason(host.result(RESTORE)):
        return False
    return not result or was_skipped(result)


def _missing(step: Step, host: Host) -> Failure:
    result = host.result(step)
    return Failure(step.layer, step.tried, SKIPPED if result else NO_RESULT, (host.name,))


def _unfinished(deployment: Deployment) -> Iterator[Failure]:
    """Steps of the plan that no play has reached."""
    plan = deployment.plan
    if plan is None:
        yield Failure(PLAN.layer, PLAN.tried, NO_RESULT)
        return
    layers, settings = set(deployment.layers), deployment.settings
    yield from _unread(deployment)
    # A check puts nobody back, and runs no task file of the user.
    heals = bool(plan.heal) and not deployment.check_mode
    backed_up = backs_up(deployment) and not deployment.check_mode
    expected: list[tuple[Step, bool]] = [
        (PLAN_DATABASE, "database" in layers and not deployment.is_rollback),
        (READ_POOLS, "fleet" in layers and bool(settings.balancers)),
        (READ_FLAGS, "feature" in layers and bool(settings.features)),
        (CONFIRM_HEAL, heals),
        (HEAL, heals),
        (CONFIRM, "database" in layers),
        (BACK_UP, backed_up),
        (NOTE, succeeded(deployment.result(BACK_UP))),
        (MIGRATE, "database" in layers and not deployment.is_rollback),
        (ROLL_BACK_DATABASE, "database" in layers and deployment.is_rollback),
        (CONFIRM_FEATURES, bool(plan.steps) or ("feature" in layers and deployment.is_rollback)),
        (ROLL_BACK_FLAGS, "feature" in layers and deployment.is_rollback),
    ]
    for step, wanted in expected:
        result = deployment.result(step)
        if wanted and (not result or was_skipped(result)):
            yield Failure(step.layer, step.tried, SKIPPED if result else NO_RESULT)
    for host in deployment.hosts:
        if "artifact" in layers and host.selected and not succeeded(host.result(STAGE)):
            yield _missing(STAGE, host)
        if host.name in plan.fleet_hosts and not host.result(RECORD):
            yield _missing(RECORD, host)
    last = plan.steps[-1] if plan.steps else None
    if last and not _reached(deployment, last):
        reason = f"it did not come to its last step, {last['name']} at {last['percentage']}%"
        yield Failure(SWITCH_FLAG.layer, SWITCH_FLAG.tried, reason)


def _unread(deployment: Deployment) -> Iterator[Failure]:
    if deployment.layers != ("feature",):
        yield from (_missing(READ, host) for host in deployment.hosts if host.selected and not host.was_read)


def _reached(deployment: Deployment, last: Mapping[str, Any]) -> bool:
    """Whether the last step of the ramp was switched; a check switches nothing."""
    result = deployment.result(SWITCH_FLAG)
    flag = (result.get("flags") or {}).get(last["name"]) or {}
    reached = {"on": 100.0, "off": 0.0}.get(str(flag.get("state")), flag.get("percentage"))
    return succeeded(result) and (deployment.check_mode or reached == float(last["percentage"]))


def _out_of_rotation(deployment: Deployment) -> Iterator[Failure]:
    """What Strata took out and did not put back; a check leaves everything as it is."""
    if deployment.check_mode:
        return
    for balancer, members in still_out(deployment).items():
        hosts = tuple(host.name for host in deployment.hosts if host.member in members)
        strangers = [name for name in members if name not in deployment.members_of(deployment.hosts)]
        advice = ["Deploy again, or roll the artifact back, once the hosts are well"] if hosts else []
        if strangers:
            advice.append(
                f"No host of the inventory has {', '.join(strangers)} as its member: make it ready on {balancer} by hand or, if it "
                "is gone for good, remove it from drained.json beside the lock"
            )
        yield Failure(
            "fleet",
            "putting back what Strata took out of rotation",
            f"still out of rotation on {balancer}: {', '.join([*hosts, *strangers])}. {'. '.join(advice)}",
            hosts,
        )


def _merged(failures: Iterable[Failure]) -> list[Failure]:
    """One failure for each reason, with all of its hosts."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for failure in failures:
        found.setdefault((failure.layer, failure.tried, failure.reason), []).extend(failure.hosts)
    return [Failure(*key, tuple(dict.fromkeys(hosts))) for key, hosts in found.items()]


def _new(failures: Iterable[Failure], known: Sequence[Failure]) -> tuple[Failure, ...]:
    """The failures that are not known yet, without the hosts of which the same is known."""
    told = {(item.layer, item.tried, item.reason, host) for item in known for host in item.hosts or ("",)}
    left = (
        (
            item,
            tuple(
                host
                for host in item.hosts or ("",)
                if (item.layer, item.tried, item.reason, host) not in told
            ),
        )
        for item in failures
    )
    return tuple(replace(item, hosts=tuple(filter(None, hosts))) for item, hosts in left if hosts)
