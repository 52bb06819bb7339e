# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine ``command`` with a tool of a release, on SQLite: both phases, failures, rollback, where it runs."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tarfile
from pathlib import Path
from typing import Any, Callable

import pytest
from fixtures.command_engine import migrate, migrator, roll_back
from fixtures.others import needs_root
from programs import need

from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds.archive import Archive
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.layout import Layout
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.staging import ensure_staged
from ansible_collections.strata.deploy.plugins.module_utils._artifact.signatures import signature
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources import Source
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.guard import guarded

EXPAND = ("0001_orders", "0002_currency")


@pytest.fixture
def shop(migrating_shop: Any) -> Any:
    return migrating_shop


@pytest.mark.parametrize("behaviour", ["", "lines"])
def test_what_is_pending_is_applied_once_and_confirmed(shop: Any, behaviour: str) -> None:
    first = migrate(shop, behaviour)
    assert (first.changed, first.applied, first.pending, first.version) == (True, EXPAND, (), None)
    assert shop.history() == list(EXPAND)
    assert shop.calls() == ["plan expand 2.0 -", "apply expand 2.0 -", "plan expand 2.0 -"]
    second = migrate(shop, behaviour)
    assert (second.changed, second.applied) == (False, ())
    assert second.before == second.after
    assert shop.calls() == ["plan expand 2.0 -"]


def test_check_mode_runs_the_plan_alone_and_its_diff_is_that_of_the_change(shop: Any) -> None:
    plan = migrate(shop, check=True)
    assert (plan.changed, plan.applied, plan.pending) == (True, EXPAND, EXPAND)
    assert shop.calls() == ["plan expand 2.0 -"]
    assert plan.before == "pending migrations: 0001_orders, 0002_currency, 0003_drop_note\n"
    assert plan.after.startswith("pending migrations: 0003_drop_note\n\n-- 0001_orders\nCREATE TABLE orders")
    done = migrate(shop)
    assert (done.before, done.after) == (plan.before, plan.after)


def test_contract_migrations_wait_for_their_phase(shop: Any) -> None:
    with pytest.raises(
        StrataError, match="0003_drop_note follows expand migration 0001_orders, which is not applied"
    ):
        migrate(shop, phase="contract")
    migrate(shop)
    shop.calls()
    assert migrate(shop, phase="contract").applied == ("0003_drop_note",)
    assert shop.calls()[1] == "apply contract 2.0 -"
    assert not migrate(shop, phase="contract").changed


def test_a_tool_without_phases_has_nothing_to_contract(shop: Any) -> None:
    migrate(shop, "lines")
    shop.calls()
    assert not migrate(shop, "lines", phase="contract").changed
    assert shop.calls() == ["plan contract 2.0 -"]


@pytest.mark.parametrize(
    ("behaviour", "message", "done", "pending"),
    [
        (
            "breaks",
            "exit code 1. Its last output:\n  talks a lot\n  cannot alter orders as ****",
            [EXPAND[0]],
            [EXPAND[1]],
        ),
        ("lazy", "succeeded, and its plan still names migrations as pending", [], [*EXPAND]),
        ("heedless", "not for the phase expand: 0003_drop_note. The apply", [*EXPAND, "0003_drop_note"], []),
    ],
)
def test_an_apply_that_does_not_do_its_work_is_an_error_that_says_how_far_it_came(
    shop: Any, behaviour: str, message: str, done: list[str], pending: list[str]
) -> None:
    with pytest.raises(StrataError) as caught:
        migrate(shop, behaviour)
    assert message in str(caught.value)
    assert (
        f"Applied in this run: {', '.join(done) or 'none'}. Still pending: {', '.join(pending) or 'none'}."
        in str(caught.value)
    )
    assert caught.value.details == {"changed": bool(done), "done": done, "pending": pending}
    assert "hunter2" not in str(caught.value)


def test_a_plan_that_fails_after_the_apply_leaves_it_open_what_is_applied(shop: Any) -> None:
    commands = {
        "plan": ["sh", "-c", "[ ! -e $SHOP_DB ] && echo a"],
        "apply": ["sh", "-c", "echo > $SHOP_DB; exit 7"],
    }
    with pytest.raises(
        StrataError, match=r"exit code 7\..*What is applied now is not known: The plan command"
    ) as caught:
        migrate(shop, options=commands)
    assert caught.value.details == {"changed": True}


def test_a_rollback_names_what_its_command_printed(shop: Any) -> None:
    migrate(shop)
    shop.calls()
    back = roll_back(shop)
    assert (back.changed, back.rolled_back, back.pending) == (True, ("0002_currency",), ())
    assert shop.history() == ["0001_orders"]
    assert shop.calls()[1] == "rollback expand 2.0 0001_orders"
    assert not roll_back(shop).changed


def test_a_rollback_that_prints_nothing_is_known_from_the_plan(shop: Any) -> None:
    migrate(shop)
    assert roll_back(shop, "silent", to="0").rolled_back == ("0002_currency", "0001_orders")
    assert not roll_back(shop, "silent", to="0").changed


@pytest.mark.parametrize(
    ("behaviour", "message", "done"),
    [
        ("breaks", "failed with exit code 3", ["0002_currency"]),
        ("chatty", "what it printed is no list of migrations", ["0002_currency", "0001_orders"]),
    ],
)
def test_a_rollback_that_fails_says_what_it_took_back(
    shop: Any, behaviour: str, message: str, done: list[str]
) -> None:
    migrate(shop)
    with pytest.raises(StrataError, match=message) as caught:
        roll_back(shop, behaviour, to="0")
    assert str(caught.value).endswith(f"Rolled back in this run: {', '.join(done)}.")
    assert caught.value.details == {"changed": True, "done": done}


@pytest.mark.parametrize("code", [0, 7])
def test_a_plan_that_fails_after_the_rollback_leaves_it_open_what_is_rolled_back(
    shop: Any, code: int
) -> None:
    commands = {
        "plan": ["sh", "-c", "[ ! -e $SHOP_DB ]"],
        "apply": "true",
        "rollback": ["sh", "-c", f"echo > $SHOP_DB; echo a; exit {code}"],
    }
    with pytest.raises(
        StrataError, match=r"What is rolled back now is not known: The plan command"
    ) as caught:
        roll_back(shop, options=commands)
    assert caught.value.details == {"changed": True, "done": [] if code else ["a"]}


def test_a_second_migrator_waits_and_then_says_who_is_at_work(shop: Any) -> None:
    with guarded(str(shop.root), "the apply of 1.9", 0):
        with pytest.raises(StrataError, match=rf"the apply of 1\.9, by process {os.getpid()} since 2"):
            migrate(shop, lock_wait=0.0)
        with pytest.raises(StrataError, match="and try again"):
            roll_back(shop, lock_wait=0.0)
        assert shop.calls() == []
        assert migrate(shop, check=True).pending == EXPAND
    assert migrate(shop, lock_wait=0.0).applied == EXPAND


def test_a_command_that_outlives_its_module_keeps_others_out(shop: Any, tmp_path: Path) -> None:
    commands = {
        "plan": ["sh", "-c", "[ -e ../gone ] || echo a"],
        "apply": ["sh", "-c", "sleep 60 & echo $! > $SHOP_DB"],
    }
    with pytest.raises(StrataError, match="still names migrations as pending"):
        migrate(shop, options=commands)
    left = int(shop.database.read_text())
    try:
        with pytest.raises(StrataError, match=r"the apply of 2\.0, by process"):
            migrate(shop, lock_wait=0.0)
    finally:
        os.kill(left, signal.SIGKILL)
    shop.database.unlink()
    assert migrate(shop, lock_wait=20.0).applied == EXPAND


def test_a_rollback_in_check_mode_only_plans(shop: Any) -> None:
    migrate(shop)
    shop.calls()
    plan = roll_back(shop, check=True)
    assert (plan.changed, plan.rolled_back) == (True, ())
    assert "rolled back to 0001_orders, by the rollback command" in plan.after
    assert shop.calls() == ["plan expand 2.0 -"]


def test_the_status_is_what_is_pending_of_either_phase(shop: Any) -> None:
    status = migrator(shop).status()
    assert [(each.name, each.phase) for each in status.pending or ()] == [
        ("0001_orders", "expand"),
        ("0002_currency", "expand"),
        ("0003_drop_note", "contract"),
    ]
    assert (status.version, status.applied, status.drift) == (None, None, ())


class Where:
    """Stages releases, and tells in which folder a plan was run."""

    def __init__(self, shop: Any) -> None:
        self._shop = shop

    def stage(self, version: str = "2.0", archive: Path | None = None) -> str:
        ensure_staged(
            str(self._shop.root), version, Archive(Source(str(archive or self._shop.archive), "unverified"))
        )
        return str(Layout(str(self._shop.root)).release(version))

    def ran(self, **options: Any) -> str:
        commands = {"plan": "pwd", "apply": "true"}
        (name,) = migrate(self._shop, check=True, options=commands, **options).pending
        return name


@pytest.fixture
def where(shop: Any) -> Where:
    return Where(shop)


def test_it_runs_in_the_staged_release(shop: Any, where: Where) -> None:
    staged = where.stage()
    assert where.ran() == staged
    assert where.ran(archive=None) == staged
    assert where.ran(checksum="unverified") == staged


def test_without_a_version_it_runs_in_the_current_release(shop: Any, where: Where) -> None:
    staged = where.stage("1.0")
    where.stage("2.0")
    (shop.root / "current").symlink_to("releases/1.0")
    assert where.ran(release="", archive=None) == staged


def test_the_release_is_told_where_it_is_known(shop: Any, where: Where) -> None:
    commands = {"plan": ["sh", "-c", 'echo "is:$STRATA_RELEASE"'], "apply": "true"}
    assert migrate(shop, check=True, release="", options=commands).pending == ("is:",)
    where.stage("1.0")
    (shop.root / "current").symlink_to("releases/1.0")
    assert migrate(shop, check=True, release="", archive=None, options=commands).pending == ("is:1.0",)


def test_an_unstaged_release_is_unpacked_and_gone_afterwards(
    shop: Any, where: Where, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ran = Path(where.ran())
    assert ran.parent.parent == tmp_path
    assert not ran.parent.exists()
    assert not shop.root.exists()


def test_another_build_of_the_version_is_not_what_is_run(shop: Any, where: Where, tmp_path: Path) -> None:
    (tmp_path / "source" / "changed").write_text("")
    other = tmp_path / "other.tar.gz"
    with tarfile.open(other, "w:gz") as tar:
        tar.add(tmp_path / "source", ".")
    staged = where.stage(archive=other)
    assert where.ran() != staged
    assert where.ran(archive=None) == staged


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_reads_the_release_and_cannot_change_it(shop: Any, tmp_path: Path) -> None:
    for folder in [tmp_path, *tmp_path.parents][:-2]:
        folder.chmod(folder.stat().st_mode | 0o011)
    plan = "id -un; ls bin; touch new 2>/dev/null || echo read-only; stat -c %U:%a ..; stat -c %U:%a ."
    commands = {"plan": ["sh", "-c", plan], "apply": "true"}
    ran = migrate(shop, check=True, options=commands, user="nobody")
    assert ran.pending == ("nobody", "tool", "read-only", "root:750", "root:755")
    assert migrate(shop, user="nobody").applied == EXPAND
    assert shop.database.owner() == "nobody"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_reads_the_release_whatever_the_umask(shop: Any, tmp_path: Path) -> None:
    for folder in [tmp_path, *tmp_path.parents][:-2]:
        folder.chmod(folder.stat().st_mode | 0o011)
    former = os.umask(0o077)
    try:
        assert migrate(shop, user="nobody").applied == EXPAND
    finally:
        os.umask(former)


def test_a_release_without_a_migrations_folder_is_none_of_this_engine_s_concern(
    shop: Any, where: Where
) -> None:
    staged = Path(where.stage())
    assert not (staged / "migrations").exists()
    assert migrate(shop).applied == EXPAND
    shutil.rmtree(shop.root)


@pytest.mark.parametrize("check", [False, True])
def test_what_a_rollback_command_drops_is_not_known_and_so_has_to_be_allowed(shop: Any, check: bool) -> None:
    migrate(shop)
    shop.calls()
    with pytest.raises(StrataError, match=r"cannot be seen beforehand.*db_migrate_allow_data_loss"):
        roll_back(shop, allow_data_loss=False, check=check)
    assert not [call for call in shop.calls() if call.startswith("rollback")]


@pytest.mark.parametrize(("database", "tries"), [("url", 3), ("mysql_url", 1)])
def test_a_command_that_was_refused_a_lock_is_run_again_where_nothing_of_it_stays(
    shop: Any, tmp_path: Path, request: pytest.FixtureRequest, database: str, tries: int
) -> None:
    log = tmp_path / "tries"
    refused = f"echo tried >> {log}; echo 'Lock wait timeout exceeded: lock timeout' >&2; exit 1"
    commands = {"plan": "echo 0001_orders", "apply": ["sh", "-c", refused]}
    options = {"url": request.getfixturevalue(database), "lock": "database", "lock_timeout": 0.01}
    with pytest.raises(StrataError, match="Lock wait timeout exceeded") as caught:
        migrate(shop, options=commands, retries=2, **options)
    assert log.read_text().splitlines() == ["tried"] * tries
    assert ("may stay" in str(caught.value)) is (tries == 1)


@pytest.fixture
def signed(shop: Any, tmp_path: Path) -> Any:
    """The signature that the shop's archive must have, and has."""
    need("ssh-keygen")
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-f", key, "-n", "file", shop.archive], check=True)
    return signature({"format": "ssh", "key": key.with_suffix(".pub").read_text()})


VERBS: dict[str, Callable[[Any, Any], Any]] = {
    "plan": lambda shop, signed: migrate(shop, check=True, signature=signed),
    "status": lambda shop, signed: migrator(shop, signature=signed).status(),
    "apply": lambda shop, signed: migrate(shop, signature=signed),
    "roll back": lambda shop, signed: roll_back(shop, check=True, signature=signed),
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("wrong", ["junk", "none", "another file's"])
def test_nothing_of_an_archive_runs_before_its_signature_is_verified(
    shop: Any, signed: Any, verb: str, wrong: str
) -> None:
    beside = Path(f"{shop.archive}.sig")
    if wrong == "none":
        beside.unlink()
    elif wrong == "junk":
        beside.write_text("junk")
    else:
        with tarfile.open(shop.archive, "w:gz") as tar:
            tar.add(shop.archive.parent / "source/bin", "bin")
            tar.add(beside, "more")
    with pytest.raises(StrataError, match=r"Verifying the signature of|Fetching .*\.sig"):
        VERBS[verb](shop, signed)
    assert shop.calls() == []


def test_an_archive_with_a_good_signature_migrates(shop: Any, signed: Any) -> None:
    assert migrate(shop, signature=signed).applied == EXPAND


@needs_root
@pytest.mark.parametrize("how", ["owned", "writable"])
def test_root_runs_no_tool_that_another_user_can_change(shop: Any, how: str) -> None:
    ensure_staged(str(shop.root), "2.0", Archive(Source(str(shop.archive), shop.checksum)))
    release = shop.root / "releases/2.0"
    if how == "owned":
        shutil.chown(release, "nobody")
    else:
        release.chmod(0o775)
    with pytest.raises(
        StrataError, match=r"releases/2\.0 (belongs to nobody|can be written).*db_migrate_user"
    ):
        migrate(shop)
    assert shop.calls() == []
