# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rollback: a release that was good before becomes the current one again."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.bring_up import (
    Activation,
    bring_up,
    is_linked,
    link,
    outcome_of,
    service_of,
    verified,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.layout import (
    Layout,
    validate_version,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.outcome import (
    ReleaseChange,
    os_errors_named,
    view,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.quiesce import quiesce
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.recovery import opened
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.state import Intent, State, save
from ansible_collections.strata.deploy.plugins.module_utils._core.clock import utc_now
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


def ensure_rolled_back(
    root: str,
    version: str | None,
    how: Activation,
    *,
    reason: str | None = None,
    link_only: bool = False,
    check_mode: bool = False,
) -> ReleaseChange:
    """Have a good release current again, by default the last one other than that which is left, and mark the left one bad.

    A target that fails stays good, for the cause may lie elsewhere; the unfinished rollback is remembered.

    Args:
        link_only: whether the restart, and what comes after it, is left to the next call.

    Raises:
        StrataError: no release to go back to; or it did not become healthy.
    """
    if version is not None:
        validate_version(version)
    how.validate()
    layout = Layout(root)
    what = f"Rolling back under {root}"
    with os_errors_named(what), opened(layout, check_mode) as state:
        current = layout.current()
        left, target = _from_and_to(layout, state, current, version)
        release, check = state.releases[target], how.check_for(target, state.releases[target])
        service = service_of(layout, target, release, how)
        before = view(state, current)
        former = service.status() if service else None
        if link_only and current == target and is_linked(state, release, how):
            return ReleaseChange(False, before, before, target, None, "good")
        if current == target and not state.intent:
            healthy = verified(former, check)
            if healthy:
                return outcome_of(False, before, before, target, None, service, former, healthy)
        previous = left if left != target else None
        if previous and previous in state.releases and state.releases[previous].state != "bad":
            state = state.bad(previous, reason or "Rolled back.")
        planned = state.good(target, how.deployment)
        after = view(planned, target)
        as_linked = ReleaseChange(True, before, after, target, previous, "good")
        if check_mode:
            done = outcome_of(True, before, after, target, previous, service, former, {})
            return as_linked if link_only else done
        linked = current == target and is_linked(state, None, how)
        intent = Intent("roll_back", target, utc_now(), previous, how.deployment, linked)
        save(layout.state, replace(state, intent=intent))
        # The release that is left may be unable to quiesce; that must not keep it.
        problem = quiesce(how.quiesce, how.quiesce_timeout) if current and not linked else None
        with os_errors_named(what, changed=True):
            try:
                if not linked:
                    link(layout, release)
                if link_only:
                    save(layout.state, replace(state, intent=replace(intent, linked=True)))
                    return replace(as_linked, warnings=(problem,) if problem else ())
                status, health = bring_up(service, check)
            except StrataError as error:
                facts = {
                    **error.details,
                    "version": target,
                    "previous": previous,
                    "state": "good",
                    "changed": True,
                }
                raise StrataError(f"Rolling back to {target} under {root}: {error}", **facts) from error
            save(layout.state, state.good(target, how.deployment))
        outcome = outcome_of(True, before, after, target, previous, service, status, health)
        return replace(
            outcome,
            warnings=((problem,) if problem else ()) + how.doubts(service, status) + layout.warnings(),
        )


def _from_and_to(
    layout: Layout, state: State, current: str | None, wanted: str | None
) -> tuple[str | None, str]:
    """The version that is left, and the good one to go back to."""
    left = state.left(current)
    if wanted is None and state.intent and state.intent.act == "roll_back":
        wanted = state.intent.version if state.intent.version in state.releases else None
    target = wanted or state.last_good(left)
    if target is None:
        raise StrataError(f"There is no earlier good release under {layout.root} to roll back to.")
    release = state.releases.get(target)
    if release is None:
        raise StrataError(f"There is no release {target} under {layout.root} to roll back to.")
    if release.state != "good":
        why = (
            f"it is marked bad ({release.reason})"
            if release.state == "bad"
            else "it was never active and healthy"
        )
        raise StrataError(f"{target} under {layout.root} is not a release to roll back to: {why}.")
    return left, target
