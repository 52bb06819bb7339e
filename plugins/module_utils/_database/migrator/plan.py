# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be done, and what must not be: drift, the order of the phases, what cannot be taken back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.model import (
    Applied,
    Drift,
    Migration,
    MigrationPlan,
    RunningRelease,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.files import order

REFUSED = "Rolling the database back is refused: "


def compare(migrations: Sequence[Migration], applied: Sequence[Applied]) -> MigrationPlan:
    """The plan for numbered files: versions order them, and what the database has not is pending.

    In a new database, which no release uses yet, a contract migration does not hold up the expand ones after it.
    """
    done = {order(item.version) for item in applied if not item.unfinished}
    pending = tuple(each for each in migrations if order(str(each.version)) not in done)
    if not any(item.backwards or not item.unfinished for item in applied):
        last = max((at for at, each in enumerate(pending) if each.phase == "expand"), default=0)
        pending = (*(replace(each, phase="expand") for each in pending[:last]), *pending[last:])
    return MigrationPlan(tuple(applied), pending, tuple(find_drift(migrations, applied)), numbered=True)


def find_drift(migrations: Sequence[Migration], applied: Sequence[Applied]) -> list[Drift]:
    """Where files and database disagree.

    Each phase is a sequence of its own, for contract migrations are applied later than their versions say. Files
    that merely end earlier than the database are an older release's, and fine. An unfinished one has its place already.
    """
    files = {order(str(migration.version)): migration for migration in migrations}
    done = {order(item.version): item for item in applied}
    phases = {key: item.phase or "expand" for key, item in done.items()}
    for key, migration in files.items():
        if key not in done or not done[key].phase:
            phases[key] = migration.phase
    last_file: dict[str, int] = {}
    last_done: dict[str, int] = {}
    for key in sorted(files):
        last_file[phases[key]] = key
    for key in sorted(done):
        last_done[phases[key]] = key
    found = []
    for key in sorted(files.keys() | done.keys()):
        if key in files and key in done:
            if not done[key].unfinished and done[key].checksum not in ("", files[key].checksum):
                found.append(Drift(files[key].name, "changed"))
        elif key in done and key < last_file.get(phases[key], -1):
            found.append(Drift(done[key].name, "missing"))
        elif key in files and key < last_done.get(phases[key], -1):
            found.append(Drift(files[key].name, "out_of_order"))
    return found


def to_apply(plan: MigrationPlan, phase: str, accepted: Sequence[str] = ()) -> tuple[Migration, ...]:
    """The migrations of ``phase`` to be applied, in order.

    Args:
        accepted: names whose disagreement the operator knows of.

    Raises:
        StrataError: release and database disagree, an earlier expand migration is missing for a contract one, or
            another migration is unfinished.
    """
    drift = [item for item in plan.drift if item.name not in accepted]
    if drift:
        raise StrataError(
            "The release's migrations and the database disagree: "
            + "; ".join(str(item) for item in drift)
            + ". Where that is meant, accept it by name: accept_drift, in the role db_migrate_accept_drift.",
            drift=[{"name": item.name, "problem": item.problem} for item in drift],
        )
    waiting = plan.pending or ()
    pending = tuple(migration for migration in waiting if migration.phase == phase)
    if phase == "contract" and pending:
        earlier = waiting[: waiting.index(pending[-1])]
        missing = next((each for each in earlier if each.phase == "expand"), None)
        if missing:
            # One that was begun comes to its end first: the missing one waits for it.
            ready = earlier[: earlier.index(missing)]
            begun = {item.version for item in plan.applied or () if item.unfinished}
            if begun.isdisjoint(each.version for each in ready):
                raise StrataError(
                    f"Contract migration {pending[-1].name} follows expand migration {missing.name}, which is not "
                    "applied. Deploy the release first, with the phase expand."
                )
            pending = ready
    if pending:
        _check_unfinished(plan, pending)
    return pending


def _check_unfinished(plan: MigrationPlan, pending: Sequence[Migration]) -> None:
    """Raise StrataError where something else than one of ``pending`` was left unfinished: no third state is added to two."""
    phases = {each.version: each.phase for each in plan.pending or ()}
    wanted = {each.version for each in pending}
    for item in plan.applied or ():
        if not item.unfinished or (not item.backwards and item.version in wanted):
            continue
        if item.backwards:
            way = "Roll it back to the end first"
        elif item.version in phases:
            way = f"Let the phase {phases[item.version]} go on with it first"
        else:
            way = "Let the release that brings it go on with it first"
        raise StrataError(f"{_unfinished(item)} {way}.", migration=item.name)


def _unfinished(item: Applied) -> str:
    return f"Migration {item.name} was left unfinished by an earlier run: {item.unfinished}."


def version_after(
    plan: MigrationPlan, applied: Sequence[Migration] = (), rolled_back: Sequence[Applied] = ()
) -> str | None:
    """The version that the database has once these are done."""
    gone = {each.name for each in rolled_back}
    versions = [each.version for each in plan.applied or () if not each.unfinished and each.name not in gone]
    versions += [str(each.version) for each in applied]
    if plan.numbered:
        versions.sort(key=order)
    return versions[-1] if versions else None


def check_rollback_phase(phase: str) -> None:
    """Raise StrataError where the migrations of ``phase`` cannot be taken back."""
    if phase != "expand":
        raise StrataError(
            "Rolling back contract migrations is refused: what they removed is gone. Go forward with a new migration."
        )


def after(applied: Sequence[Applied], version: str | None) -> tuple[Applied, ...]:
    """Of numbered migrations the expand ones after ``version``, or the last one alone; the newest first.

    Raises:
        StrataError: ``version`` is not applied.
    """
    expanded = [
        item for item in applied if item.phase != "contract" and (item.backwards or not item.unfinished)
    ]
    if version is None:
        return tuple(expanded[-1:])
    whole = [item for item in expanded if not item.unfinished]
    if order(version) and order(version) not in {order(item.version) for item in whole}:
        raise StrataError(
            f"Version {version} is not an applied expand migration. Applied are: "
            f"{', '.join(item.name for item in whole) or 'none'}; 0 goes back before the first."
        )
    return tuple(item for item in reversed(expanded) if order(item.version) > order(version))


def check_rollback(
    targets: Sequence[Applied], applied: Sequence[Applied], running: Sequence[RunningRelease]
) -> None:
    """Raise StrataError where one of ``targets``, numbered files, cannot be taken back, or a running release needs it."""
    begun = [item for item in applied if item.unfinished and not item.backwards]
    if targets and begun:
        raise StrataError(
            f"{REFUSED}{_unfinished(begun[0])} Let its apply come to an end first.", migration=begun[0].name
        )
    for target in reversed(targets):
        refused = f"Rolling back migration {target.name} is refused: "
        _check_needed(refused, target, running)
        for later in applied:
            if later.phase == "contract" and order(later.version) > order(target.version):
                raise StrataError(
                    f"{refused}contract migration {later.name} was applied after it, and what the older release needs "
                    "is gone. Go forward with a new migration."
                )
        if target.irreversible:
            raise StrataError(f"{refused}{target.irreversible}", migration=target.name)


def check_tool_rollback(release: str, version: str | None, running: Iterable[RunningRelease]) -> None:
    """Raise StrataError unless it is said whose migrations a tool takes back and whereto, and that release runs nowhere."""
    if not version or not release:
        raise StrataError(
            f"{REFUSED}what a tool takes away is not known beforehand, so say which release's "
            "migrations are taken back, by its manifest (release), and to which version (version, in the role "
            "db_migrate_rollback_to)."
        )
    needing = [each for each in running if each.version == release]
    if needing:
        raise StrataError(
            f"{REFUSED}{release}, whose migrations these are, runs on {', '.join(each.host for each in needing)}. "
            "Roll the artifact layer back first.",
            running=[{"host": each.host, "version": each.version} for each in needing],
        )


def _check_needed(refused: str, target: Applied, running: Sequence[RunningRelease]) -> None:
    unknown = [release for release in running if release.migrations is None]
    if unknown:
        hosts = ", ".join(f"{release.version} on {release.host}" for release in unknown)
        raise StrataError(
            f"{refused}whether a running release needs it is not known, for its migrations folder was not found "
            f"({hosts}). Correct the folder's name, or roll the artifact layer back first.",
            running=[{"host": release.host, "version": release.version} for release in unknown],
        )
    needed = [release for release in running if _needs(release, target)]
    if needed:
        hosts = ", ".join(f"{release.version} on {release.host}" for release in needed)
        raise StrataError(
            f"{refused}a running release needs it ({hosts}). Roll the artifact layer back first.",
            running=[{"host": release.host, "version": release.version} for release in needed],
        )


def _needs(release: RunningRelease, target: Applied) -> bool:
    names = [name.rpartition("/")[2] for name in release.migrations or ()]
    versions = {
        order(name) for name in names if re.match("[0-9]", name)
    }  # what else is in the folder is no migration
    return release.version == target.release or order(target.version) in versions
