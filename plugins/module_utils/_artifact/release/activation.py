# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Activation: a staged release becomes the current one, and is good only once it is healthy."""

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
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.removal import prune
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.retention import (
    superfluous,
    validate_keep,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.state import Intent, save
from ansible_collections.strata.deploy.plugins.module_utils._core.clock import utc_now
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


def ensure_active(
    root: str,
    version: str,
    how: Activation,
    *,
    keep: int | None = 5,
    adopted: bool = False,
    link_only: bool = False,
    check_mode: bool = False,
) -> ReleaseChange:
    """Have ``version`` current, its service restarted and healthy, and superfluous releases gone.

    A release that was already current and good is only verified. One that fails is marked bad and
    stays current. In check mode a version that is not staged is taken to be.

    Args:
        keep: how many good releases stay; None to delete nothing.
        adopted: whether those that another tool made may be deleted too.
        link_only: whether the restart, and what comes after it, is left to the next call.

    Raises:
        StrataError: before the switch, and nothing has changed; or after it, with ``state`` bad.
    """
    validate_version(version)
    if keep is not None:
        validate_keep(keep)
    how.validate()
    how.check_for(version)
    layout = Layout(root)
    what = f"Activating {version} under {root}"
    with os_errors_named(what), opened(layout, check_mode) as state:
        current = layout.current()
        before = view(state, current)
        release = state.releases.get(version)
        if release is None and not check_mode:
            raise StrataError(f"{version} is not staged under {root}. Stage it first.")
        check = how.check_for(version, release)
        service = service_of(layout, version, release, how)
        former = service.status() if service else None
        if link_only and current == version and is_linked(state, release, how):
            return ReleaseChange(False, before, before, version, None, release.state if release else "staged")
        if release and release.state == "good" and current == version and not state.intent:
            healthy = verified(former, check)
            if healthy:
                return outcome_of(False, before, before, version, None, service, former, healthy)
        if release is None:
            after = {"current": version, "releases": {**before["releases"], version: "good"}}
            return ReleaseChange(True, before, after, version, current, "good")
        resumed = state.intent if state.intent and state.intent.version == version else None
        previous = resumed.previous if resumed else (current if current != version else None)
        planned = state if link_only else state.good(version, how.deployment)
        pruned = superfluous(planned, version, keep, adopted=adopted) if keep and not link_only else ()
        after = view(planned.without(*pruned), version)
        as_linked = ReleaseChange(True, before, after, version, previous, release.state)
        if check_mode:
            done = outcome_of(True, before, after, version, previous, service, former, {})
            return as_linked if link_only else replace(done, pruned=pruned)
        linked = current == version and is_linked(state, None, how)
        found, intent = state, Intent("activate", version, utc_now(), previous, how.deployment, linked)
        state = save(layout.state, replace(found, intent=intent))
        if current and not linked:
            problem = quiesce(how.quiesce, how.quiesce_timeout)
            if problem and current != version:
                # Another one's intent is unfinished still; this one's has come to nothing.
                save(layout.state, replace(found, intent=None if resumed else found.intent))
                raise StrataError(
                    f"{problem} Nothing was switched: {current} is still current.",
                    version=version,
                    previous=None,
                    state=release.state,
                )
        with os_errors_named(what, changed=True):
            try:
                if not linked:
                    link(layout, release)
                if link_only:
                    save(layout.state, replace(state, intent=replace(intent, linked=True)))
                    return as_linked
                status, health = bring_up(service, check)
            except StrataError as error:
                save(layout.state, replace(state.bad(version, str(error).splitlines()[0]), intent=None))
                facts = {
                    **error.details,
                    "version": version,
                    "previous": previous,
                    "state": "bad",
                    "changed": True,
                }
                raise StrataError(f"{what}: {error}", **facts) from error
            prune(layout, state.good(version, how.deployment), pruned)
            return replace(
                outcome_of(True, before, after, version, previous, service, status, health),
                pruned=pruned,
                warnings=how.doubts(service, status) + layout.warnings(),
            )
