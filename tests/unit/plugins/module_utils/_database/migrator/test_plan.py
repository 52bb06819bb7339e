# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be done, from files and what is applied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.model import (
    Applied,
    Migration,
    RunningRelease,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.plan import (
    after,
    check_rollback,
    compare,
    find_drift,
    to_apply,
    version_after,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.files import parse_all


def files(*names: str) -> tuple[Migration, ...]:
    """Files of these names; those with a "c" are contract migrations."""
    return parse_all(
        {
            f"{name}.sql": b"-- strata: phase=%s\n-- migrate:up\nSELECT 1;\n"
            % (b"contract" if "c" in name else b"expand")
            for name in names
        }
    )


def applied(*names: str, **changes: Any) -> tuple[Applied, ...]:
    values = {"release": "1.0", "applied_at": "2026-01-01T00:00:00+00:00", "down": "SELECT 1;", **changes}
    return tuple(
        Applied(str(item.version), item.name, **{"checksum": item.checksum, "phase": item.phase, **values})
        for item in files(*names)
    )


def latest(
    migrations: tuple[Migration, ...], done: tuple[Applied, ...], phase: str, accepted: tuple[str, ...] = ()
) -> tuple[Migration, ...]:
    return to_apply(compare(migrations, done), phase, accepted)


def rolled_back(
    done: tuple[Applied, ...], version: str | None, running: Sequence[RunningRelease]
) -> tuple[Applied, ...]:
    targets = after(done, version)
    check_rollback(targets, done, running)
    return targets


@pytest.mark.parametrize(
    ("have", "done", "phase", "expected"),
    [
        ("1 2", "", "expand", "1 2"),
        ("1 2", "1", "expand", "2"),
        ("1 2", "1 2", "expand", ""),
        ("", "1 2", "expand", ""),
        ("1", "1 2", "expand", ""),  # an older release
        ("1 2c 3", "1", "expand", "3"),
        ("1 2c 3", "1 3", "contract", "2c"),  # contract migrations are late by nature
        ("1 2c 3", "1", "contract", "2c"),
        ("1 3", "1 2c 3", "expand", ""),
        ("1 2c 3 4", "1 2c 3", "expand", "4"),
        ("9 10", "9", "expand", "10"),
    ],
)
def test_pending_is_what_the_phase_has_and_the_database_has_not(
    have: str, done: str, phase: str, expected: str
) -> None:
    pending = latest(files(*have.split()), applied(*done.split()), phase)
    assert [item.name for item in pending] == [f"{name}.sql" for name in expected.split()]


@pytest.mark.parametrize(
    ("have", "done", "name", "problem"),
    [
        ("1 3", "1 2 3", "2.sql", "missing"),
        ("1 2 3", "1 3", "2.sql", "out_of_order"),
        ("1 4c 5", "1 2c 4c", "2c.sql", "missing"),
        ("1 2c 4c", "1 4c", "2c.sql", "out_of_order"),
    ],
)
def test_disagreement_is_an_error(have: str, done: str, name: str, problem: str) -> None:
    with pytest.raises(StrataError, match=name) as caught:
        latest(files(*have.split()), applied(*done.split()), "expand")
    assert caught.value.details == {"drift": [{"name": name, "problem": problem}]}


@pytest.mark.parametrize(
    ("have", "done", "name", "pending"),
    [("1 3 4", "1 2 3", "2.sql", "4"), ("1 2 3 4", "1 3", "2.sql", "2 4")],
)
def test_disagreement_that_is_accepted_by_name_is_none(have: str, done: str, name: str, pending: str) -> None:
    found = latest(files(*have.split()), applied(*done.split()), "expand", (name,))
    assert [item.name for item in found] == [f"{each}.sql" for each in pending.split()]
    with pytest.raises(StrataError, match="accept_drift"):
        latest(files(*have.split()), applied(*done.split()), "expand", ("1.sql",))


def test_an_unfinished_migration_is_pending_and_not_the_version() -> None:
    done = (*applied("1"), *applied("2", unfinished="statement 1 of 2 failed"))
    plan = compare(files("1", "2", "3"), done)
    assert [item.name for item in plan.pending or ()] == ["2.sql", "3.sql"]
    assert plan.version == "1"
    assert version_after(plan) == "1"


def test_the_version_is_the_highest_number_whatever_was_applied_last() -> None:
    plan = compare(files("9", "10c", "11"), applied("9", "11"))
    assert version_after(plan, applied=files("10c")) == "11"
    assert version_after(plan, rolled_back=applied("11")) == "9"
    assert version_after(compare((), ())) is None


def test_a_changed_file_is_an_error() -> None:
    with pytest.raises(StrataError, match=r"1\.sql was changed after it was applied"):
        latest(files("1", "2"), applied("1", checksum="sha256:other"), "expand")


def test_what_another_tool_applied_has_no_checksum_to_compare() -> None:
    assert find_drift(files("1", "2"), (Applied("1", "1"),)) == []


def test_a_contract_migration_waits_for_earlier_expand_ones() -> None:
    with pytest.raises(StrataError, match=r"2c\.sql follows expand migration 1\.sql"):
        latest(files("1", "2c"), (), "contract")


@pytest.mark.parametrize(
    ("have", "done", "phase", "expected"),
    [
        ("1 2c 3 4c", (), "expand", "1 2c 3"),
        ("1c 2", (), "expand", "1c 2"),
        ("1c 2", (), "contract", ""),
        ("1c 2c", (), "expand", ""),
        ("1c 2c", (), "contract", "1c 2c"),
        ("1 2c 3", applied("1", unfinished="statement 2 failed"), "expand", "1 2c 3"),
        ("1 2c 3", applied("1"), "expand", "3"),
    ],
)
def test_a_new_database_has_the_contract_migrations_that_expand_ones_follow_in_the_expand_phase(
    have: str, done: tuple[Applied, ...], phase: str, expected: str
) -> None:
    pending = latest(files(*have.split()), done, phase)
    assert [each.name for each in pending] == [f"{name}.sql" for name in expected.split()]
    assert {each.phase for each in pending} <= {phase}


@pytest.mark.parametrize(
    ("done", "version", "expected"),
    [
        ("1 2 3", None, "3"),
        ("1 2 3", "1", "3 2"),
        ("1 2 3", "3", ""),
        ("1 2 3", "0", "3 2 1"),
        ("1 2c 3", None, "3"),
        ("9 10", "9", "10"),
        ("", None, ""),
        ("", "0", ""),
    ],
)
def test_a_rollback_takes_the_newest_first(done: str, version: str | None, expected: str) -> None:
    targets = rolled_back(applied(*done.split()), version, ())
    assert [item.name for item in targets] == [f"{name}.sql" for name in expected.split()]


def test_a_rollback_to_what_is_not_applied_names_what_is() -> None:
    with pytest.raises(StrataError, match=r"Version 7 is not an applied .* 1\.sql, 2\.sql"):
        rolled_back(applied("1", "2"), "7", ())


def test_a_rollback_to_what_is_no_version_is_an_error() -> None:
    with pytest.raises(StrataError, match="'latest' is not a migration's version"):
        rolled_back(applied("1"), "latest", ())


def test_a_rollback_is_refused_while_a_running_release_needs_it() -> None:
    running = [
        RunningRelease("web1", "1.1", ("1.sql",)),
        RunningRelease("web2", "2.0", ("migrations/1.sql", "migrations/2.sql")),
    ]
    with pytest.raises(
        StrataError, match=r"2\.sql is refused: a running release needs it \(2\.0 on web2\)"
    ) as caught:
        rolled_back(applied("1", "2"), None, running)
    assert caught.value.details == {"running": [{"host": "web2", "version": "2.0"}]}


def test_a_running_release_s_file_without_a_number_is_no_migration() -> None:
    running = [RunningRelease("web1", "0.9", ("db/1.sql", "db/seed.sql", "README"))]
    assert [item.name for item in rolled_back(applied("1", "2"), None, running)] == ["2.sql"]
    with pytest.raises(StrataError, match=r"a running release needs it"):
        rolled_back(applied("1", "2"), "0", running)


def test_a_rollback_is_refused_while_the_release_that_brought_it_runs_whatever_its_files_say() -> None:
    running = [RunningRelease("web1", "1.1", ()), RunningRelease("web2", "2.0", ())]
    with pytest.raises(StrataError, match=r"a running release needs it \(2\.0 on web2\)"):
        rolled_back(applied("1", release="2.0"), None, running)
    assert rolled_back(applied("1", release="2.0"), None, running[:1])


def test_a_rollback_is_refused_where_it_is_not_known_what_a_running_release_needs() -> None:
    running = [RunningRelease("web1", "1.1", ()), RunningRelease("web2", "1.1", None)]
    with pytest.raises(StrataError, match=r"folder was not found \(1\.1 on web2\)") as caught:
        rolled_back(applied("1"), None, running)
    assert caught.value.details == {"running": [{"host": "web2", "version": "1.1"}]}


def test_nothing_is_taken_back_where_one_of_several_is_refused() -> None:
    with pytest.raises(StrataError, match=r"1\.sql is refused"):
        rolled_back(applied("1", "2"), "0", [RunningRelease("web1", "1.0", ("1.sql",))])


@pytest.mark.parametrize(
    ("history", "message"),
    [
        (applied("1", "2c"), r"contract migration 2c\.sql was applied after it"),
        (applied("1", irreversible="its file had none."), r"1\.sql is refused: its file had none\."),
    ],
)
def test_what_cannot_be_taken_back_is_refused(history: tuple[Applied, ...], message: str) -> None:
    with pytest.raises(StrataError, match=message):
        rolled_back(history, None, ())


def test_an_unfinished_contract_migration_comes_to_its_end_before_what_waits_for_it() -> None:
    plan = compare(
        files("1", "2c", "3", "4c"), (*applied("1"), *applied("2c", unfinished="statement 2 failed"))
    )
    with pytest.raises(StrataError, match="Let the phase contract go on with it first"):
        to_apply(plan, "expand")
    assert [each.name for each in to_apply(plan, "contract")] == ["2c.sql"]
