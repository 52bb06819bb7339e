# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine ``command``: the team's own commands, for a tool that no other engine knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from ansible_collections.strata.deploy.plugins.module_utils._errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._migration.guard import guarded
from ansible_collections.strata.deploy.plugins.module_utils._migration.outcome import Outcome, Pending, Status
from ansible_collections.strata.deploy.plugins.module_utils._migration.pending import read_pending
from ansible_collections.strata.deploy.plugins.module_utils._migration.plan import (
    RunningRelease,
    check_rollback_phase,
)
from ansible_collections.strata.deploy.plugins.module_utils._migration.protocol import EngineOptions
from ansible_collections.strata.deploy.plugins.module_utils._migration.release_folder import (
    NoReleaseError,
    release_folder,
)
from ansible_collections.strata.deploy.plugins.module_utils._migration.tool import Tool, argv
from ansible_collections.strata.deploy.plugins.module_utils._release.layout import Layout


class CommandEngine:
    """Has the release's own tool migrate; what is pending is what its plan command prints, before and after."""

    NAME = "command"

    def __init__(self, options: EngineOptions) -> None:
        self._options = options
        self._tool = Tool(options.user, options.environment, options.timeout)
        self._held: tuple[int, ...] = ()

    @property
    def _rolls_back(self) -> bool:
        return bool((self._options.commands or {}).get("rollback"))

    def validate(self) -> None:
        for name in ("plan", "apply", *(["rollback"] if self._rolls_back else [])):
            self._command(name)
        self._tool.validate()
        if self._options.lock_wait < 0:
            raise StrataError(f"lock_wait must not be negative; it is {self._options.lock_wait:g}.")

    def status(self) -> Status:
        """What is pending alone, for a tool's own history is its own to read."""
        try:
            with self._release() as folder:
                return Status((), self._plan(folder, "expand"), ())
        except NoReleaseError:
            return Status((), None, ())

    def ensure_latest(self, *, phase: str, check_mode: bool) -> Outcome:
        """Apply what is pending of ``phase``, and have the plan command confirm it."""
        with self._alone("apply", check_mode), self._release() as folder:
            before = self._plan(folder, phase)
            pending = _of(before, phase)
            _check_order(before, phase)
            if pending and not check_mode:
                self._apply(folder, phase, before)
        names = _names(pending)
        return Outcome(
            applied=names,
            rolled_back=(),
            pending=names if check_mode else (),
            version=None,
            before=_text(before),
            after=_text([each for each in before if each not in pending], pending),
        )

    def ensure_rolled_back(
        self, *, phase: str, version: str | None, running: Sequence[RunningRelease], check_mode: bool
    ) -> Outcome:
        """Run the rollback command of the release whose migrations are to be taken back."""
        check_rollback_phase(phase)
        self._check_rollback(version, running)
        facts = {"STRATA_VERSION": version or ""}
        with self._alone("rollback", check_mode), self._release() as folder:
            before = self._plan(folder, phase)
            if check_mode:
                again = f"rolled back to {version}, by the rollback command\n"
                return Outcome((), (), (), None, _text(before), _text(before) + again, uncertain=True)
            rolled_back, after = self._roll_back(folder, phase, facts, before)
        return Outcome(
            applied=(),
            rolled_back=rolled_back,
            pending=(),
            version=None,
            before=_text(before),
            after=_text(after),
        )

    def _check_rollback(self, version: str | None, running: Sequence[RunningRelease]) -> None:
        refused = "Rolling the database back is refused: "
        if not self._rolls_back:
            raise StrataError(
                f"{refused}there is no rollback command, so the schema stays. An expand migration is meant to be "
                "compatible with the release before it; roll the artifact back alone, or go forward."
            )
        if not version or not self._options.release:
            raise StrataError(
                f"{refused}what a rollback command takes away is not known beforehand, so say which release's "
                "migrations are taken back, by its manifest (release), and to which version (version, in the role "
                "db_migrate_rollback_to)."
            )
        needing = [each for each in running if each.version == self._options.release]
        if needing:
            hosts = ", ".join(each.host for each in needing)
            raise StrataError(
                f"{refused}{self._options.release}, whose migrations these are, runs on {hosts}. "
                "Roll the artifact layer back first.",
                running=[{"host": each.host, "version": each.version} for each in needing],
            )

    def _apply(self, folder: Path, phase: str, before: Sequence[Pending]) -> None:
        """Run the apply command; whether it did what it should is for the plan command to say."""
        failure = None
        try:
            self._run("apply", folder, phase)
        except StrataError as error:
            failure = error
        try:
            left = self._plan(folder, phase)
        except StrataError as error:
            raise StrataError(
                f"{failure or 'The apply command succeeded.'} What is applied now is not known: {error}",
                changed=True,
            ) from error
        gone = [each for each in before if each.name not in _names(left)]
        remaining, stray = _names(_of(left, phase)), _names(each for each in gone if each.phase != phase)
        problem = str(failure) if failure else ""
        if stray:
            problem += (
                f" It also applied what is not for the phase {phase}: {', '.join(stray)}. "
                "The apply command must heed STRATA_PHASE."
            )
        elif not failure and remaining:
            problem = "The apply command succeeded, and its plan still names migrations as pending."
        if problem:
            raise StrataError(
                f"{problem.strip()}\nApplied in this run: {', '.join(_names(gone)) or 'none'}. "
                f"Still pending: {', '.join(remaining) or 'none'}.",
                changed=bool(gone),
                done=list(_names(gone)),
                pending=list(remaining),
            )

    def _roll_back(
        self, folder: Path, phase: str, facts: dict[str, str], before: Sequence[Pending]
    ) -> tuple[tuple[str, ...], tuple[Pending, ...]]:
        """Run the rollback command; the names of what it took back, and what is pending now."""
        failure = None
        printed: tuple[Pending, ...] = ()
        try:
            printed = read_pending("rollback", self._run("rollback", folder, phase, facts))
        except StrataError as error:
            failure = error
        try:
            after = self._plan(folder, phase)
        except StrataError as error:
            raise StrataError(
                f"{failure or 'The rollback command succeeded.'} What is rolled back now is not known: {error}",
                changed=True,
                done=list(_names(printed)),
            ) from error
        names = _names(printed or reversed([each for each in after if each.name not in _names(before)]))
        if failure:
            raise StrataError(
                f"{failure}\nRolled back in this run: {', '.join(names) or 'none'}.",
                changed=bool(names),
                done=list(names),
            )
        return names, after

    def _plan(self, folder: Path, phase: str) -> tuple[Pending, ...]:
        return read_pending("plan", self._run("plan", folder, phase))

    def _run(self, name: str, folder: Path, phase: str, facts: dict[str, str] | None = None) -> str:
        known = {
            "STRATA_PHASE": phase,
            "STRATA_RELEASE": self._options.release or (folder.name if self._is_staged(folder) else ""),
            **(facts or {}),
        }
        return self._tool.run(name, self._command(name), folder, known, self._held)

    def _is_staged(self, folder: Path) -> bool:
        return bool(self._options.path) and folder.parent == Layout(str(self._options.path)).releases

    def _command(self, name: str) -> tuple[str, ...]:
        command = (self._options.commands or {}).get(name)
        if command is None:
            raise StrataError(f"The engine command needs commands, and '{name}' is not among them.")
        return argv(name, command)

    @contextmanager
    def _alone(self, what: str, check_mode: bool) -> Iterator[None]:
        """Keep other migrators of the app on this host out; check mode only plans, and needs no lock."""
        if check_mode:
            yield
            return
        app = self._options.path or repr(self._command("apply"))
        shown = f"the {what} of {self._options.release or 'the current release'}"
        with guarded(app, shown, self._options.lock_wait) as descriptor:
            self._held = (descriptor,)
            try:
                yield
            finally:
                self._held = ()

    def _release(self) -> AbstractContextManager[Path]:
        account = self._tool.account()
        return release_folder(self._options, account.gid if account else None)


def _check_order(before: Sequence[Pending], phase: str) -> None:
    pending = _of(before, phase)
    if phase != "contract" or not pending:
        return
    for earlier in before[: before.index(pending[-1])]:
        if earlier.phase == "expand":
            raise StrataError(
                f"Contract migration {pending[-1].name} follows expand migration {earlier.name}, which is not "
                "applied. Deploy the release first, with the phase expand."
            )


def _of(migrations: Iterable[Pending], phase: str) -> tuple[Pending, ...]:
    return tuple(each for each in migrations if each.phase == phase)


def _names(migrations: Iterable[Pending]) -> tuple[str, ...]:
    return tuple(each.name for each in migrations)


def _text(pending: Sequence[Pending], applied: Iterable[Pending] = ()) -> str:
    parts = [f"pending migrations: {', '.join(_names(pending)) or 'none'}\n"]
    parts += [f"\n-- {each.name}\n{each.sql.strip()}\n" for each in applied if each.sql.strip()]
    return "".join(parts)
