# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The database layer with a backup before it, on a SQLite database of this machine."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WAIT = 60.0
HOOK = """\
- name: Copy it
  ansible.builtin.copy:
    src: "{{ db_migrate_url[9:] }}"
    dest: "{{ db_migrate_url[9:] }}.copy"
    remote_src: true
    mode: "0600"
  register: copied

- name: Say where it is
  ansible.builtin.set_fact:
    db_migrate_backup_place: "copied to {{ copied.dest }}"
"""


@dataclass
class Run:
    """A finished playbook; without the line breaks and quotes that Ansible's YAML puts into messages."""

    code: int
    output: str


class Shop:
    """A database with one table, and a release that adds another."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = folder / "shop.db"
        self.backups = folder / "backups"
        with contextlib.closing(sqlite3.connect(self.database)) as connection:
            connection.execute("CREATE TABLE orders (id integer)")
        self.release("CREATE TABLE customers (id integer);\n-- migrate:down\nDROP TABLE customers;\n")
        self.options: dict[str, Any] = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "db_migrate_url": f"sqlite://{self.database}",
            "db_migrate_backup_folder": str(self.backups),
        }

    def release(self, sql: str) -> None:
        content = f"-- migrate:up\n{sql}".encode()
        member = tarfile.TarInfo("migrations/1_customers.sql")
        member.size = len(content)
        with tarfile.open(self.folder / "shop.tar.gz", "w:gz") as archive:
            archive.addfile(member, io.BytesIO(content))

    def command(self, playbook: str, *arguments: str) -> list[str]:
        hosts = {
            "db": {"hosts": {"db1": self.options}},
            "fleet": {
                "hosts": {
                    "web1": {
                        "ansible_connection": "local",
                        "ansible_python_interpreter": sys.executable,
                        "artifact_root": str(self.folder / "srv"),
                        "artifact_health": {"url": "http://127.0.0.1:1/"},
                    }
                }
            },
            "gone": {
                "hosts": {
                    "gone1": {
                        "ansible_host": "127.0.0.1",
                        "ansible_port": 1,
                        "ansible_connection": "ssh",
                    }
                }
            },
        }
        (self.folder / "hosts.yml").write_text(yaml.safe_dump(hosts))
        (self.folder / "release.yml").write_text(
            yaml.safe_dump(
                {
                    "deployment_app": "shop",
                    "artifact_version": "2.0",
                    "artifact_url": str(self.folder / "shop.tar.gz"),
                    "artifact_checksum": "unverified",
                    "deployment_state_dir": str(self.folder / "state"),
                }
            )
        )
        return [
            str(Path(sys.executable).parent / "ansible-playbook"),
            *("-i", str(self.folder / "hosts.yml"), playbook),
            *("-e", f"@{self.folder / 'release.yml'}", *arguments),
        ]

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "0"}

    def ran(self, playbook: str, *arguments: str) -> Run:
        done = subprocess.run(
            self.command(playbook, *arguments),
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return Run(done.returncode, " ".join((done.stdout + done.stderr).split()).replace("''", "'"))

    def play(self, *arguments: str, playbook: str = "database") -> Run:
        return self.ran(f"playbooks/{playbook}.yml", *arguments)

    def written(self, name: str, plays: list[dict[str, Any]]) -> str:
        (self.folder / name).write_text(yaml.safe_dump(plays))
        return str(self.folder / name)

    def back_up(self, *arguments: str) -> Run:
        """The backup alone, in a play as in the playbooks, and what its result is read as."""
        told = "backup_failed: {{ __db_migrate_backup | default({}) | strata.deploy.failure_reason }}"
        play = {
            "hosts": "db1",
            "gather_facts": False,
            "ignore_errors": True,
            "ignore_unreachable": True,
            "tasks": [
                {"import_role": {"name": "strata.deploy.db_migrate", "tasks_from": "backup"}},
                {"name": "Tell", "debug": {"msg": told}},
            ],
        }
        return self.ran(self.written("backup_play.yml", [play]), *arguments)

    def hook(self, text: str) -> None:
        path = self.folder / "backup.yml"
        path.write_text(text)
        self.options["db_migrate_backup"] = str(path)

    @property
    def tables(self) -> set[str]:
        with contextlib.closing(sqlite3.connect(self.database)) as connection:
            return {
                row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            }

    @property
    def migrated(self) -> bool:
        return "customers" in self.tables

    @property
    def made(self) -> list[Path]:
        return sorted(self.backups.glob("*.sqlite"))

    @property
    def journal(self) -> dict[str, Any]:
        lines = (self.folder / "state/shop/journal.jsonl").read_text().splitlines()
        entry: dict[str, Any] = json.loads(lines[-1])
        return entry

    @property
    def locked(self) -> bool:
        return (self.folder / "state/shop/lock.json").exists()


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def test_a_backup_is_made_before_the_migration_and_told_in_report_and_journal(shop: Shop) -> None:
    shop.options["db_migrate_backup"] = "database"
    run = shop.play()
    assert run.code == 0, run.output
    (made,) = shop.made
    with contextlib.closing(sqlite3.connect(made)) as copy:
        assert copy.execute("SELECT name FROM sqlite_master").fetchall() == [("orders",)]
    assert shop.migrated
    assert f"backup db1:{made}" in run.output
    assert shop.journal["backup"] == f"db1:{made}"
    again = shop.play()
    assert again.code == 0, again.output
    assert shop.made == [made]
    assert shop.journal["backup"] is None


def test_a_backup_that_fails_ends_the_deployment_before_anything_is_migrated(shop: Shop) -> None:
    shop.options.update(db_migrate_backup="database", db_migrate_backup_min_free="4096T")
    run = shop.play()
    assert run.code == 2, run.output
    assert re.search(r"backing the database up: .* 4096\.0 TiB are to stay free", run.output)
    assert "Nothing was migrated, and the fleet was not touched. Repair the backup" in run.output
    assert not shop.migrated
    assert (shop.journal["outcome"], shop.journal["backup"]) == ("failed", None)
    assert not shop.locked


def test_tasks_of_one_s_own_make_the_backup_and_say_where_it_is(shop: Shop) -> None:
    shop.hook(HOOK)
    run = shop.play()
    assert run.code == 0, run.output
    assert shop.migrated
    place = f"copied to {shop.database}.copy"
    assert f"backup {place}" in run.output
    assert shop.journal["backup"] == place
    with contextlib.closing(sqlite3.connect(f"{shop.database}.copy")) as copy:
        assert copy.execute("SELECT name FROM sqlite_master").fetchall() == [("orders",)]


PLACED = "- ansible.builtin.set_fact: {db_migrate_backup_place: x}\n"
MADE_NONE = r"The tasks in \S+ \(db_migrate_backup\) made no backup\. "


@pytest.mark.parametrize(
    ("tasks", "words"),
    [
        (
            "- name: Dump\n  ansible.builtin.command: cat /nowhere/dump\n" + PLACED,
            "Dump: .*non-zero return code",
        ),
        (
            "- name: Dump\n  ansible.builtin.fail: {msg: '{{ token }}'}\n  no_log: true\n" + PLACED,
            r"Dump: its result is secret \(no_log\)",
        ),
        (
            "- name: Dump\n  ansible.builtin.debug: {msg: done}\n",
            "They do not tell where the backup is. Let the last task set the fact",
        ),
        (None, "There is no file .*/nowhere.yml. Give an absolute path on the controller"),
        ("backup.yml", "There is no file backup.yml. Give an absolute path on the controller"),
    ],
)
def test_tasks_that_fail_or_say_nothing_are_no_backup(shop: Shop, tasks: str | None, words: str) -> None:
    if tasks is None:
        shop.options["db_migrate_backup"] = str(shop.folder / "nowhere.yml")
    elif tasks == "backup.yml":
        shop.options["db_migrate_backup"] = tasks
    else:
        shop.hook(tasks)
    run = shop.back_up("-e", "token=hunter2")
    assert run.code == 0, run.output
    assert re.search(f"backup_failed: {MADE_NONE}{words}", run.output), run.output
    # Ansible itself shows of such a task what it failed with.
    _before, failing, after = run.output.partition("Check the backup")
    assert failing
    assert "hunter2" not in after


def test_a_check_names_the_tasks_and_makes_no_backup(shop: Shop) -> None:
    shop.hook(HOOK)
    run = shop.back_up("--check")
    assert f"The tasks in {shop.folder}/backup.yml would back the database up, on db1" in run.output
    assert not Path(f"{shop.database}.copy").exists()
    shop.options["db_migrate_backup"] = "database"
    assert "changed: [db1]" in shop.back_up("--check").output
    assert not shop.backups.exists()


@pytest.mark.parametrize(
    ("tasks", "words"),
    [
        (
            "- name: Dump\n  ansible.builtin.command: cat\n  delegate_to: gone1\n" + PLACED,
            "Dump: unreachable: .*Failed to connect",
        ),
        (
            "- name: Dump\n  ansible.builtin.command: cat\n  delegate_to: gone1\n  run_once: true\n" + PLACED,
            "Dump: unreachable: .*Failed to connect",
        ),
        (
            PLACED + "- ansible.builtin.meta: end_play\n" + PLACED,
            "The file ended the play before its last task",
        ),
        ("- name: Dump\n  no.such.module: x\n" + PLACED, ".*couldn't resolve module/action"),
    ],
    ids=["unreachable", "unreachable and run once", "the end of the play", "an unknown module"],
)
def test_whatever_ends_the_tasks_the_run_closes_with_the_database_untouched(
    shop: Shop, tasks: str, words: str
) -> None:
    shop.hook(tasks)
    run = shop.play()
    assert run.code == 2, run.output
    report = run.output.partition("PLAY RECAP")[2]
    assert re.search(f"backing the database up: {MADE_NONE}{words}", report), run.output
    assert not shop.migrated
    assert (shop.locked, shop.journal["outcome"], shop.journal["backup"]) == (False, "failed", None)


def test_a_killed_run_has_left_the_place_and_the_next_tells_it(shop: Shop) -> None:
    shop.options["db_migrate_backup"] = "database"
    shop.release(
        "CREATE TABLE customers (id integer);\n"
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n;\n"
    )
    process = subprocess.Popen(
        shop.command("playbooks/database.yml"),
        cwd=ROOT,
        env=shop.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    lock = shop.folder / "state/shop/lock.json"
    deadline = time.monotonic() + WAIT
    while not (lock.exists() and "backup: " in lock.read_text()):
        assert time.monotonic() < deadline, "no backup was noted"
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    (made,) = shop.made
    shop.release("CREATE TABLE customers (id integer);\n")
    run = shop.play("-e", "db_migrate_lock_wait=60")
    assert run.code == 0, run.output
    assert re.search(rf"took over \S+, which had noted: backup: db1:{made}", run.output)
    assert shop.journal["took_over"]["note"] == f"backup: db1:{made}"


def test_nothing_runs_for_a_backup_that_is_not_asked_for_and_a_rollback_has_one_too(shop: Shop) -> None:
    run = shop.play()
    assert run.code == 0, run.output
    assert shop.migrated
    assert "PLAY [Back up] ***" in run.output
    assert "skipping: no hosts matched" in run.output
    shop.options["db_migrate_backup"] = "database"
    run = shop.play("-e", "layer=database", "-e", "db_migrate_allow_data_loss=true", playbook="rollback")
    assert run.code == 0, run.output
    assert not shop.migrated
    (made,) = shop.made
    with contextlib.closing(sqlite3.connect(made)) as copy:
        assert copy.execute("SELECT 1 FROM sqlite_master WHERE name = 'customers'").fetchall()
    assert f"backup db1:{made}" in run.output


def test_the_role_by_itself_backs_up_between_plan_and_apply(shop: Shop) -> None:
    shop.options["db_migrate_backup"] = "database"
    play = {"hosts": "db1", "gather_facts": False, "roles": ["strata.deploy.db_migrate"]}
    run = shop.ran(shop.written("site.yml", [play]))
    assert run.code == 0, run.output
    assert shop.migrated
    assert len(shop.made) == 1
