# SPDX-License-Identifier: GPL-3.0-or-later
"""The role alone, run by ansible-playbook on this host: its hooks, what they cost, and the example of coming over."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
STAGE = ("before_stage", "after_stage")
LINK = ("before_link", "after_link", "before_restart", "after_restart")
CLEANUP = ("before_cleanup", "after_cleanup")
HOOK = """\
- name: Say {point}
  ansible.builtin.lineinfile:
    path: "{{{{ artifact_root }}}}.log"
    line: "{point} {{{{ artifact_release_version }}}} {{{{ lookup('pipe', 'readlink ' ~ artifact_root ~ '/current || true') }}}}"
    create: true
    mode: "0644"
- name: Check {point}
  ansible.builtin.assert:
    that: fail_at | default('') != '{point}'
    fail_msg: not here
"""
PLAY = """\
- hosts: app
  gather_facts: false
  ignore_errors: "{{ ignored | default(false) | bool }}"
  tasks:
    - ansible.builtin.import_role: {name: strata.deploy.artifact, tasks_from: plan}
    - ansible.builtin.import_role: {name: strata.deploy.artifact, tasks_from: "{{ verb }}"}
    - ansible.builtin.copy:
        content: "{{ {'stage': __artifact_stage | default({}), 'activate': __artifact_activate | default({}),
                      'rollback': __artifact_rollback | default({})} | to_json }}"
        dest: "{{ artifact_root }}.json"
        mode: "0644"
"""


@dataclass
class Ran:
    code: int
    output: str
    remote: int
    local: int
    skipped: int


@dataclass
class Desk:
    """A folder from which ansible-playbook is run, with hosts that are all this one."""

    folder: Path

    def play(self, playbook: str, *words: str, **variables: Any) -> Ran:
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"),
            "ANSIBLE_CALLBACKS_ENABLED": "strata.deploy.executions",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_LOCAL_TEMP": str(self.folder / "tmp"),
            "STRATA_EXECUTIONS_FILE": str(self.folder / "count.json"),
            "PWD": str(self.folder),
        }
        tool = str(Path(sys.executable).parent / "ansible-playbook")
        command = [tool, "-i", "hosts.yml", playbook, *words, "-e", json.dumps(variables)]
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )
        counts = json.loads((self.folder / "count.json").read_text())["plays"][0]
        return Ran(
            done.returncode,
            done.stdout + done.stderr,
            counts["remote"],
            counts["local"],
            counts["skipped"],
        )

    def hosts(self, **hosts: dict[str, Any]) -> None:
        common = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "artifact_root": str(self.folder / "srv" / "{{ inventory_hostname }}"),
        }
        document = {"all": {"vars": common, "children": {"app": {"hosts": hosts}, "web": {"hosts": hosts}}}}
        (self.folder / "hosts.yml").write_text(yaml.safe_dump(document))

    def release(self, version: str) -> dict[str, str]:
        """Pack a release; the options that deploy it."""
        source = self.folder / f"source-{version}"
        (source / "bin").mkdir(parents=True)
        (source / "app.py").write_text(version)
        (source / "bin/warm-up").write_text("#!/bin/sh\nmkdir -p var/cache && touch var/cache/warm\n")
        (source / "bin/warm-up").chmod(0o755)
        archive = self.folder / f"shop-{version}.tar.gz"
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(source, ".")
        checksum = f"sha256:{hashlib.sha256(archive.read_bytes()).hexdigest()}"
        return {"artifact_version": version, "artifact_url": str(archive), "artifact_checksum": checksum}

    def said(self, host: str = "one") -> list[str]:
        """What the hooks said since the last time."""
        log = self.folder / f"srv/{host}.log"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return lines

    def registered(self, host: str = "one") -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / f"srv/{host}.json").read_text())
        return found

    def releases(self, host: str = "one") -> dict[str, str]:
        state = json.loads((self.folder / f"srv/{host}/.strata/state.json").read_text())
        return {version: each["state"] for version, each in state["releases"].items()}

    def current(self, host: str = "one") -> str:
        return os.readlink(self.folder / f"srv/{host}/current")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    for folder in ("srv", "hooks", "tmp"):
        (tmp_path / folder).mkdir()
    for point in (*STAGE, *LINK, *CLEANUP):
        (tmp_path / f"hooks/{point}.yml").write_text(HOOK.format(point=point))
    (tmp_path / "play.yml").write_text(PLAY)
    return Desk(tmp_path)


@pytest.fixture
def hooks(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """A host's hooks at these points, every second one by its absolute path."""

    def at(*points: str) -> dict[str, Any]:
        paths = {
            point: f"{tmp_path if number % 2 else '.'}/hooks/{point}.yml"
            for number, point in enumerate(points)
        }
        return {"artifact_hooks": paths}

    return at


def test_without_hooks_a_deployment_is_one_execution_a_verb_and_nothing_is_skipped(desk: Desk) -> None:
    desk.hosts(one={}, two={})
    ran = desk.play("play.yml", verb="apply", **desk.release("1.0"))
    assert ran.code == 0, ran.output
    # Two hosts: the plan, the staging, the activation, and the test's own copy.
    assert (ran.remote, ran.local, ran.skipped) == (8, 0, 0)
    assert desk.current("two") == "releases/1.0"


def test_a_service_that_has_ended_is_seen_by_verify_without_a_health_check(desk: Desk) -> None:
    commands = {"restart": ["touch", "up"], "status": ["sh", "-c", "test -e up || exit 3"]}
    service = {"manager": "command", "name": "shop", "commands": commands, "min_uptime": 0}
    desk.hosts(one={"artifact_service": service})
    release = desk.release("1.0")
    assert "should run 1.0 and runs nothing" in " ".join(
        desk.play("play.yml", verb="verify", **release).output.split()
    )
    assert desk.play("play.yml", verb="apply", **release).code == 0
    assert desk.play("play.yml", verb="verify", **release).code == 0
    (desk.folder / "srv/one/current/up").unlink()
    ran = desk.play("play.yml", verb="verify", **release)
    assert ran.code != 0
    assert "runs 1.0 (health: not asked; service: stopped, exit code 3)" in " ".join(ran.output.split())


def test_hooks_run_at_their_points_where_they_are_defined_and_something_is_to_be_done(
    desk: Desk, hooks: Callable[..., dict[str, Any]]
) -> None:
    desk.hosts(one=hooks(*STAGE, *LINK, *CLEANUP), two={})
    first, second = desk.release("1.0"), desk.release("2.0")
    assert desk.play("play.yml", verb="apply", **first).code == 0
    desk.said()
    ran = desk.play("play.yml", verb="apply", artifact_keep=1, **second)
    assert ran.code == 0, ran.output
    old, new = "releases/1.0", "releases/2.0"
    expected = [f"{point} 2.0 {old}" for point in (*STAGE, "before_link")]
    expected += [f"{point} 2.0 {new}" for point in (*LINK[1:], *CLEANUP)]
    assert desk.said() == expected
    assert (desk.said("two"), desk.current("two")) == ([], new)
    assert desk.releases() == {"1.0": "good", "2.0": "good"}
    again = desk.play("play.yml", verb="apply", **second)
    assert (again.code, desk.said(), again.skipped, again.remote) == (0, [], 0, 8)
    back = desk.play("play.yml", verb="rollback")
    assert back.code == 0, back.output
    assert desk.said() == [f"{LINK[0]} 1.0 {new}"] + [f"{point} 1.0 {old}" for point in LINK[1:]]
    assert desk.releases() == {"1.0": "good", "2.0": "bad"}


def test_a_hook_costs_nothing_where_the_module_need_not_stop(
    desk: Desk, hooks: Callable[..., dict[str, Any]]
) -> None:
    desk.hosts(one=hooks("after_restart"))
    ran = desk.play("play.yml", verb="apply", **desk.release("1.0"))
    assert ran.code == 0, ran.output
    assert desk.said() == ["after_restart 1.0 releases/1.0"]
    # The plan, the staging, one activation, and the test's copy. The hook's own tasks are not counted.
    assert ran.remote == 4


@pytest.mark.parametrize(
    ("point", "state", "ignored"),
    [
        ("before_link", "staged", True),
        ("after_link", "bad", True),
        ("after_restart", "bad", False),
        ("after_cleanup", "bad", True),
    ],
)
def test_a_failing_hook_fails_the_release_like_a_failed_activation(
    desk: Desk, hooks: Callable[..., dict[str, Any]], point: str, state: str, ignored: bool
) -> None:
    desk.hosts(one=hooks(*sorted({point, "after_restart"})))
    assert desk.play("play.yml", verb="apply", **desk.release("1.0")).code == 0
    desk.said()
    ran = desk.play("play.yml", verb="apply", fail_at=point, ignored=ignored, **desk.release("2.0"))
    assert ran.code == (0 if ignored else 2), ran.output
    assert desk.said()[-1].startswith(point)
    assert desk.releases() == {"1.0": "good", "2.0": state}
    switched = state == "bad"
    assert desk.current() == ("releases/2.0" if switched else "releases/1.0")
    if ignored:
        result = desk.registered()["activate"]
        assert (result["failed"], result["untouched"], result["version"]) == (True, not switched, "2.0")
        assert result["msg"] == f"Check {point}: not here"
    if switched:
        # The same hook fails in the rollback too. It does not stop the rollback, but the host fails at the end.
        back = desk.play("play.yml", verb="rollback", fail_at=point, ignored=ignored)
        assert back.code == (2 if point in LINK and not ignored else 0), back.output
        told = f"The release was rolled back, but hooks failed: {point}: Check {point}: not here"
        assert (told in " ".join(back.output.split())) == (point in LINK)
        assert (desk.current(), desk.releases()["1.0"]) == ("releases/1.0", "good")


def test_an_activation_that_fails_by_itself_says_the_same_with_hooks(
    desk: Desk, hooks: Callable[..., dict[str, Any]]
) -> None:
    desk.hosts(one=hooks("after_link", "after_restart"), two={})
    restart = ["/bin/sh", "-c", "exit 7"]
    service = {
        "manager": "command",
        "name": "shop",
        "commands": {"restart": restart, "log": ["echo", "no room"]},
    }
    ran = desk.play("play.yml", verb="apply", ignored=True, artifact_service=service, **desk.release("1.0"))
    hooked, plain = (desk.registered(host)["activate"] for host in ("one", "two"))
    assert desk.said() == ["after_link 1.0 releases/1.0"], ran.output
    for result in (hooked, plain):
        result["msg"] = result["msg"].replace("srv/one", "srv/two")
    assert {name: hooked.get(name) for name in plain} == plain
    assert (plain["log"], plain["state"]) == (["no room"], "bad")


def test_in_check_mode_no_hook_runs(desk: Desk, hooks: Callable[..., dict[str, Any]]) -> None:
    desk.hosts(one=hooks(*STAGE, *LINK, *CLEANUP))
    for point in (*STAGE, *LINK, *CLEANUP):
        path = desk.folder / f"hooks/{point}.yml"
        path.write_text(path.read_text().replace("- name: Check", "  check_mode: false\n- name: Check"))
    new = desk.release("1.0")
    for verb in ("apply", "rollback"):
        ran = desk.play("play.yml", "--check", "--diff", verb=verb, **new)
        assert desk.said() == [], ran.output
        assert (ran.code, not (desk.folder / "srv/one").exists()) == (2 if verb == "rollback" else 0, True)
    assert desk.play("play.yml", verb="apply", **new).code == 0
    assert len(desk.said()) == 8


def test_where_there_is_nothing_to_go_back_to_no_hook_runs(
    desk: Desk, hooks: Callable[..., dict[str, Any]]
) -> None:
    desk.hosts(one=hooks(*LINK))
    assert desk.play("play.yml", verb="rollback", ignored=True).code == 0
    result = desk.registered()["rollback"]
    assert (result["changed"], desk.said()) == (False, [])
    assert "no earlier good release" in result["msg"]


def test_a_hook_that_fails_in_staging_leaves_the_running_release_alone(
    desk: Desk, hooks: Callable[..., dict[str, Any]]
) -> None:
    desk.hosts(one=hooks(*STAGE))
    ran = desk.play("play.yml", verb="stage", ignored=True, fail_at="after_stage", **desk.release("1.0"))
    assert ran.code == 0, ran.output
    assert desk.registered()["stage"]["msg"] == "Check after_stage: not here"


@pytest.mark.parametrize(
    ("hooks", "why"),
    [
        ({"afterlink": "x.yml"}, "The hook 'afterlink' (artifact_hooks) is not one of before_stage"),
        ({"before_stage": "none.yml"}, "no file none.yml"),
    ],
)
def test_a_hook_that_is_not_there_fails_before_anything_is_changed(
    desk: Desk, hooks: dict[str, str], why: str
) -> None:
    desk.hosts(one={"artifact_hooks": hooks})
    ran = desk.play("play.yml", verb="stage", ignored=True, **desk.release("1.0"))
    assert why in desk.registered()["stage"]["msg"]
    assert not (desk.folder / "srv/one").exists(), ran.output


def test_a_misspelt_option_of_s3_is_an_error_before_anything_is_asked(desk: Desk) -> None:
    desk.hosts(one={})
    new = {**desk.release("1.0"), "artifact_url": "s3://builds/shop.tar.gz"}
    ran = desk.play("play.yml", verb="stage", artifact_s3={"endpoint": "http://127.0.0.1:1"}, **new)
    assert "artifact_s3 has no endpoint: it may have access_key, endpoint_url" in ran.output


def test_what_a_hook_keeps_secret_is_in_no_reason(desk: Desk, hooks: Callable[..., dict[str, Any]]) -> None:
    (desk.folder / "hooks/before_link.yml").write_text(
        "- name: Log in\n  ansible.builtin.fail: {msg: hunter2}\n  no_log: true\n"
    )
    desk.hosts(one=hooks("before_link"))
    desk.play("play.yml", verb="apply", ignored=True, **desk.release("1.0"))
    assert desk.registered()["activate"]["msg"] == "Log in: its result is secret (no_log)"
    assert "hunter2" not in (desk.folder / "srv/one/.strata/state.json").read_text()


def test_the_example_of_coming_over_takes_an_ansistrano_folder_over(desk: Desk) -> None:
    shutil.copytree(ROOT / "docs/coming-over", desk.folder, dirs_exist_ok=True)
    shop = desk.folder / "srv/one"
    for name in ("20260101120000Z", "20260102120000Z"):
        (shop / "releases" / name).mkdir(parents=True)
        (shop / "releases" / name / "app.py").write_text(name)
    (shop / "shared/config").mkdir(parents=True)
    (shop / "shared/config/secrets.json").write_text("{}")
    (shop / "current").symlink_to("./releases/20260102120000Z")
    desk.hosts(one={})
    own = {
        **desk.release("2.4.0"),
        "shop_token": "hunter2",
        "artifact_root": str(shop),
        "artifact_service": {"manager": "none"},
        "artifact_health": {},
    }
    own["shop_version"], own["shop_checksum"] = own["artifact_version"], own["artifact_checksum"]
    tried = desk.play("strata.yml", "--check", "--diff", **own)
    assert (tried.code, (shop / ".strata").exists()) == (0, False), tried.output
    ran = desk.play("strata.yml", **own)
    if "no such group" in ran.output:
        pytest.skip("this machine has no group www-data")
    assert ran.code == 0, ran.output
    assert "hunter2" not in ran.output
    assert (shop / "current/app.py").read_text() == "2.4.0"
    assert (shop / "current/.env").read_text() == "SHOP_HOST=one\nSHOP_TOKEN=hunter2\n"
    assert (shop / "current/config/secrets.json").read_text() == "{}"
    assert (shop / "current/var/cache/warm").exists()
    assert sorted(desk.releases()) == ["2.4.0", "20260101120000Z", "20260102120000Z"]
    assert desk.play("play.yml", verb="rollback", **own).code == 0
    assert (shop / "current/app.py").read_text() == "20260102120000Z"


def test_every_variable_of_the_example_is_in_the_guide() -> None:
    guide = (ROOT / "docs/coming-over.md").read_text(encoding="utf-8")
    for name in ("ansistrano.yml", "strata.yml"):
        text = (ROOT / "docs/coming-over" / name).read_text(encoding="utf-8")
        used = set(re.findall(r"\b(?:ansistrano|artifact)_\w+", text))
        assert used
        assert [each for each in sorted(used) if not re.search(rf"`{each}\b", guide)] == []
