# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be done, from the files and from what is applied; nothing here touches a database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.strata.deploy.plugins.module_utils._errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._migration.files import Migration, order
from ansible_collections.strata.deploy.plugins.module_utils._migration.history import Applied

_PROBLEMS = {
    "changed": "was changed after it was applied: put the original back, and make a new migration of the change",
    "missing": "is applied, and is not among the files, though later ones are: put it back",
    "out_of_order": "is new, and sorts before one that is applied: give it a later version",
}


@dataclass(frozen=True)
class Drift:
    """A disagreement of files and database; ``problem`` is changed, missing or out_of_order."""

    name: str
    problem: str

    def __str__(self) -> str:
        return f"{self.name} {_PROBLEMS[self.problem]}"


@dataclass(frozen=True)
class RunningRelease:
    """A release that a host runs now, and the names of the migrations in it; None where they are not known."""

    host: str
    version: str
    migrations: Sequence[str] | None


def find_drift(migrations: Sequence[Migration], applied: Sequence[Applied]) -> list[Drift]:
    """Where files and database disagree.

    Each phase is a sequence of its own, for contract migrations are applied later than their versions say. Files
    that merely end earlier than the database are an older release's, and fine.
    """
    files = {order(migration.version): migration for migration in migrations}
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
            if done[key].checksum not in ("", files[key].checksum):
                found.append(Drift(files[key].name, "changed"))
        elif key in done and key < last_file.get(phases[key], -1):
            found.append(Drift(done[key].name, "missing"))
        elif key in files and key < last_done.get(phases[key], -1):
            found.append(Drift(files[key].name, "out_of_order"))
    return found


def unapplied(migrations: Sequence[Migration], applied: Sequence[Applied]) -> tuple[Migration, ...]:
    """The migrations of either phase that are not applied, in order."""
    done = {order(item.version) for item in applied}
    return tuple(migration for migration in migrations if order(migration.version) not in done)


def plan_latest(
    migrations: Sequence[Migration], applied: Sequence[Applied], phase: str
) -> tuple[Migration, ...]:
    """The migrations of ``phase`` to be applied, in order.

    Raises:
        StrataError: files and database disagree, or an earlier expand migration is missing for a contract one.
    """
    drift = find_drift(migrations, applied)
    if drift:
        raise StrataError(
            "The migration files and the database disagree: " + "; ".join(str(item) for item in drift) + ".",
            drift=[{"name": item.name, "problem": item.problem} for item in drift],
        )
    waiting = unapplied(migrations, applied)
    pending = tuple(migration for migration in waiting if migration.phase == phase)
    if phase == "contract" and pending:
        for earlier in waiting[: waiting.index(pending[-1])]:
            if earlier.phase == "expand":
                raise StrataError(
                    f"Contract migration {pending[-1].name} follows expand migration {earlier.name}, which is not "
                    "applied. Deploy the release first, with the phase expand."
                )
    return pending


def check_rollback_phase(phase: str) -> None:
    """Raise StrataError where the migrations of ``phase`` cannot be taken back."""
    if phase != "expand":
        raise StrataError(
            "Rolling back contract migrations is refused: what they removed is gone. Go forward with a new migration."
        )


def plan_rollback(
    applied: Sequence[Applied], version: str | None, running: Sequence[RunningRelease]
) -> tuple[Applied, ...]:
    """The expand migrations to be taken back, the last one first.

    Args:
        version: the one to go back to, which stays; the last but one where it is None.

    Raises:
        StrataError: one of them cannot be taken back, or a running release needs it.
    """
    expanded = [item for item in applied if item.phase != "contract"]
    if version is None:
        targets = expanded[-1:]
    else:
        if order(version) and order(version) not in {order(item.version) for item in expanded}:
            raise StrataError(
                f"Version {version} is not an applied expand migration. Applied are: "
                f"{', '.join(item.name for item in expanded) or 'none'}; 0 goes back before the first."
            )
        targets = [item for item in expanded if order(item.version) > order(version)]
    for target in targets:
        _check_rollback(target, applied, running)
    return tuple(reversed(targets))


def _check_rollback(target: Applied, applied: Sequence[Applied], running: Sequence[RunningRelease]) -> None:
    refused = f"Rolling back migration {target.name} is refused: "
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
    for later in applied:
        if later.phase == "contract" and order(later.version) > order(target.version):
            raise StrataError(
                f"{refused}contract migration {later.name} was applied after it, and what the older release needs "
                "is gone. Go forward with a new migration."
            )
    if not target.checksum:
        raise StrataError(f"{refused}it was applied by another tool. Roll it back with that tool.")
    if not target.down:
        raise StrataError(
            f"{refused}its file had no SQL under '-- migrate:down'. Go forward with a new migration."
        )


def _needs(release: RunningRelease, target: Applied) -> bool:
    versions = {order(name.rpartition("/")[2]) for name in release.migrations or ()}
    return release.version == target.release or order(target.version) in versions
