# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Task files of the user that do whatever Ansible lets them: what becomes of each host, and of the deployment around them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PLAYBOOK = str(Path(sys.executable).parent / "ansible-playbook")
ENVIRONMENT = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "0"}
HOSTS = ("web1", "web2", "web3")
WAIT = 120.0
GONE = {
    "ansible_host": "127.0.0.1",
    "ansible_port": 1,
    "ansible_connection": "ssh",
    "ansible_ssh_extra_args": "-o ConnectTimeout=1",
}
LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
SAY = "- name: Say it\n  ansible.builtin.debug: {msg: here}\n"


@dataclass
class Run:
    code: int
    output: str

    @property
    def report(self) -> str:
        """What stands below the recap, on one line."""
        return " ".join(self.output[self.output.rindex("PLAY RECAP") :].split("\n\n", 1)[-1].split())


def ansible_playbook(*words: str) -> Run:
    done = subprocess.run(
        [PLAYBOOK, *words], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    return Run(done.returncode, done.stdout + done.stderr)


WARM_UP = "- name: Warm up\n  ansible.builtin.fail: {msg: too cold}\n"
TELL = "- name: Tell the bus\n  ansible.builtin.command: id\n  delegate_to: gone1\n"
ENDED = "The file ended the play before its last task"
UNREACHABLE = "Tell the bus: unreachable: .*Failed to connect"
ON_WEB2 = "  when: inventory_hostname == 'web2'\n"
ROLE = "- name: Do more\n  ansible.builtin.include_role: {{name: '{{{{ inventory_dir }}}}/more', tasks_from: {}}}\n"

KINDS: dict[str, tuple[str, dict[str, str]]] = {
    "a task that fails": (WARM_UP, dict.fromkeys(HOSTS, "^Warm up: too cold")),
    "a task that fails on one host": (WARM_UP + ON_WEB2 + SAY, {"web2": "^Warm up: too cold"}),
    "a task that fails and runs once": (
        WARM_UP + "  run_once: true\n" + SAY,
        {"web1": "^Warm up: too cold", "web2": "^on web1: Warm up: too cold", "web3": "^on web1: Warm up"},
    ),
    "a task that is unreachable": (TELL + SAY, dict.fromkeys(HOSTS, UNREACHABLE)),
    "a task that is unreachable for one host": (TELL + ON_WEB2 + SAY, {"web2": UNREACHABLE}),
    "a task that is unreachable and runs once": (
        TELL + "  run_once: true\n" + SAY,
        dict.fromkeys(HOSTS, UNREACHABLE),
    ),
    "a block with any_errors_fatal": (
        "- any_errors_fatal: true\n  block:\n"
        "    - {name: Warm up, ansible.builtin.fail: {msg: too cold}, when: inventory_hostname == 'web2'}\n"
        "    - {name: Say it, ansible.builtin.debug: {msg: here}}\n",
        {"web1": "^on web2: Warm up: too cold", "web2": "^Warm up: too cold", "web3": "^on web2: Warm up"},
    ),
    "end_play": ("- ansible.builtin.meta: end_play\n" + SAY, dict.fromkeys(HOSTS, ENDED)),
    "end_batch": ("- ansible.builtin.meta: end_batch\n" + SAY, dict.fromkeys(HOSTS, ENDED)),
    "end_role": ("- ansible.builtin.meta: end_role\n" + SAY, dict.fromkeys(HOSTS, ENDED)),
    "end_host": ("- ansible.builtin.meta: end_host\n" + ON_WEB2 + SAY, {"web2": ENDED}),
    "end_host after a rescue": (
        "- block: [{name: Warm up, ansible.builtin.fail: {msg: too cold}}]\n"
        "  rescue: [{ansible.builtin.meta: end_host}]\n" + SAY,
        dict.fromkeys(HOSTS, f"^Warm up: too cold {ENDED}"),
    ),
    "clear_host_errors after an unreachable task": (
        TELL + ON_WEB2 + "- ansible.builtin.meta: clear_host_errors\n" + SAY,
        {"web2": UNREACHABLE},
    ),
    "clear_host_errors after a task that failed": (
        WARM_UP + ON_WEB2 + "- ansible.builtin.meta: clear_host_errors\n" + SAY,
        {"web2": "^Warm up: too cold"},
    ),
    "a missing file": ("", dict.fromkeys(HOSTS, "There is no file .*a-missing-file.yml")),
    "a file that is no YAML": (
        '- name: Warm up\n  ansible.builtin.debug: {msg: "\n',
        dict.fromkeys(HOSTS, "YAML parsing failed"),
    ),
    "a file that is no list": ("name: Warm up\n", dict.fromkeys(HOSTS, "must contain a list of tasks")),
    "an unknown module": (
        "- name: Warm up\n  no.such.module: {}\n",
        dict.fromkeys(HOSTS, "couldn't resolve module/action 'no.such.module'"),
    ),
    "an unknown variable": (
        "- name: Warm up\n  ansible.builtin.debug: {msg: '{{ nowhere }}'}\n",
        dict.fromkeys(HOSTS, "^Warm up: .*'nowhere' is undefined"),
    ),
    "an unknown variable in the condition of a meta task": (
        "- ansible.builtin.meta: end_host\n  when: nowhere == 1\n",
        dict.fromkeys(HOSTS, "'nowhere' is undefined"),
    ),
    "an include of a missing file": (
        "- name: Warm up\n  ansible.builtin.include_tasks: nowhere.yml\n",
        dict.fromkeys(HOSTS, "^Warm up: .*nowhere.yml"),
    ),
    "a role that ends the play": (ROLE.format("end") + SAY, dict.fromkeys(HOSTS, ENDED)),
    "a role with an unreachable task": (ROLE.format("tell") + SAY, dict.fromkeys(HOSTS, UNREACHABLE)),
    "a handler that fails": (ROLE.format("notify"), dict.fromkeys(HOSTS, "^Ring: no bell")),
    "a secret": (
        "- name: Log in\n  ansible.builtin.fail: {msg: hunter2}\n  no_log: true\n",
        dict.fromkeys(HOSTS, r"^Log in: its result is secret \(no_log\)$"),
    ),
    "a rescue": (
        "- block: [{name: Warm up, ansible.builtin.fail: {msg: too cold}}]\n"
        "  rescue: [{name: Say it, ansible.builtin.debug: {msg: here}}]\n",
        {},
    ),
    "a condition of failed_when": (
        "- name: Warm up\n  ansible.builtin.command: id\n  failed_when: true\n",
        dict.fromkeys(HOSTS, "^Warm up: its failed_when holds$"),
    ),
    "a task tagged never": (WARM_UP + "  tags: never\n" + SAY, {}),
    "a failure that is ignored": (WARM_UP + "  ignore_errors: true\n" + SAY, {}),
    "an unreachable task that is ignored": (TELL + "  ignore_unreachable: true\n" + SAY, {}),
    "a file without tasks": ("---\n", {}),
}
MORE = {
    "tasks/end.yml": "- ansible.builtin.meta: end_play\n",
    "tasks/tell.yml": TELL,
    "tasks/notify.yml": SAY + "  changed_when: true\n  notify: Ring\n",
    "handlers/main.yml": "- name: Ring\n  ansible.builtin.fail: {msg: no bell}\n",
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """What becomes of each host, for each kind of file; all of them in one run of one role."""
    folder = tmp_path_factory.mktemp("kinds")
    tasks: list[dict[str, Any]] = []
    for number, (kind, (text, _)) in enumerate(KINDS.items()):
        path = folder / f"{kind.replace(' ', '-')}.yml"
        if text:
            path.write_text(text)
        tasks.append(
            {
                "name": kind,
                "strata.deploy.user_tasks": {"variable": "tasks_file"},
                "vars": {"tasks_file": str(path)},
                "run_once": True,
                "register": f"kind_{number}",
            }
        )
    results = [f"kind_{number}.failures" for number in range(len(KINDS))]
    tasks.append({"ansible.builtin.debug": {"msg": "{{ inventory_hostname }} is still in the play"}})
    copy = {
        "content": "{{ [" + ", ".join(results) + "] | to_json }}",
        "dest": str(folder / "found"),
        "mode": "0600",
    }
    tasks.append({"ansible.builtin.copy": copy, "run_once": True})
    for name, written in {
        **{f"more/{name}": text for name, text in MORE.items()},
        "kinds/tasks/main.yml": tasks,
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(written if isinstance(written, str) else yaml.safe_dump(written))
    play = {"hosts": "fleet", "gather_facts": False, "ignore_errors": True, "ignore_unreachable": True}
    (folder / "site.yml").write_text(yaml.safe_dump([{**play, "roles": [str(folder / "kinds")]}]))
    hosts = {
        "fleet": {"vars": LOCAL, "hosts": {host: {} for host in HOSTS}},
        "elsewhere": {"hosts": {"gone1": GONE}},
    }
    (folder / "hosts.yml").write_text(yaml.safe_dump(hosts))
    done = ansible_playbook(
        "-i",
        str(folder / "hosts.yml"),
        str(folder / "site.yml"),
    )
    assert done.code == 0, done.output
    for host in HOSTS:
        assert f"{host} is still in the play" in done.output
    return dict(zip(KINDS, json.loads((folder / "found").read_text())))


@pytest.mark.parametrize("kind", KINDS)
def test_what_becomes_of_each_host(outcomes: dict[str, dict[str, str]], kind: str) -> None:
    expected = KINDS[kind][1]
    assert set(outcomes[kind]) == set(expected)
    for host, pattern in expected.items():
        assert re.search(pattern, outcomes[kind][host].replace("\n", " ")), outcomes[kind][host]


class Fleet:
    """Three hosts that are all this machine, in batches of two and one, without a balancer. They run 1.0, and 2.0 is staged."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hooks: dict[str, str] = {}
        self.own: dict[str, dict[str, Any]] = {name: {} for name in HOSTS}

    def hook(self, point: str, text: str) -> None:
        path = self.folder / f"{point}.yml"
        path.write_text(text)
        self.hooks[point] = str(path)

    def command(self, playbook: str, version: str, *words: str) -> list[str]:
        common = {
            **LOCAL,
            "artifact_root": str(self.folder / "srv" / "{{ inventory_hostname }}"),
            "artifact_hooks": self.hooks,
            "fleet_rolling_batches": [2, 1],
        }
        hosts = {"fleet": {"vars": common, "hosts": self.own}, "elsewhere": {"hosts": {"gone1": GONE}}}
        (self.folder / "hosts.yml").write_text(yaml.safe_dump(hosts))
        archive = self.folder / f"shop-{version}.tar.gz"
        given = {
            "deployment_app": "shop",
            "deployment_state_dir": str(self.folder / "state"),
            "artifact_version": version,
            "artifact_url": str(archive),
            "artifact_checksum": f"sha256:{hashlib.sha256(archive.read_bytes()).hexdigest()}",
        }
        inventory = str(self.folder / "hosts.yml")
        return ["-i", inventory, f"playbooks/{playbook}.yml", "-e", json.dumps(given), *words]

    def play(self, playbook: str, version: str = "2.0", *words: str) -> Run:
        return ansible_playbook(*self.command(playbook, version, *words))

    def pack(self, version: str) -> None:
        (self.folder / version).mkdir()
        (self.folder / version / "app.py").write_text(version)
        with tarfile.open(self.folder / f"shop-{version}.tar.gz", "w:gz") as tar:
            tar.add(self.folder / version, ".")

    @property
    def current(self) -> dict[str, str]:
        links = {host: os.readlink(self.folder / "srv" / host / "current") for host in HOSTS}
        return {host: link.rpartition("/")[2] for host, link in links.items()}

    @property
    def log(self) -> list[str]:
        path = self.folder / "log"
        return sorted(path.read_text().splitlines()) if path.exists() else []

    @property
    def journal(self) -> dict[str, Any]:
        lines = (self.folder / "state/shop/journal.jsonl").read_text().splitlines()
        entry: dict[str, Any] = json.loads(lines[-1])
        return entry

    @property
    def locked(self) -> bool:
        return (self.folder / "state/shop/lock.json").exists()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    fleet = Fleet(tmp_path_factory.mktemp("fleet"))
    for version, playbooks in (("1.0", ("artifact", "fleet")), ("2.0", ("artifact",))):
        fleet.pack(version)
        for playbook in playbooks:
            run = fleet.play(playbook, version)
            assert run.code == 0, run.output
    return fleet.folder


@pytest.fixture
def fleet(prepared: Path, tmp_path: Path) -> Fleet:
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True, symlinks=True)
    return Fleet(tmp_path)


@pytest.mark.parametrize(
    ("kind", "point"),
    [
        ("a task that fails on one host", "before_link"),
        ("a task that fails and runs once", "after_link"),
        ("a task that is unreachable", "before_link"),
        ("a task that is unreachable and runs once", "before_restart"),
        ("end_play", "after_restart"),
        ("a file that is no YAML", "before_link"),
    ],
)
def test_a_deployment_settles_and_closes_whatever_a_hook_does(fleet: Fleet, kind: str, point: str) -> None:
    text, reasons = KINDS[kind]
    fleet.hook(point, text)
    run = fleet.play("fleet")
    assert run.code == 2, run.output
    for host, reason in reasons.items():
        if host != "web3":  # the second batch, which is not begun
            assert re.search(reason.lstrip("^"), run.report), run.report
            assert host in run.report
    assert "PLAY [Settle]" in run.output
    assert (fleet.locked, fleet.journal["outcome"], fleet.journal["version"]) == (False, "failed", "2.0")
    assert [host for host in HOSTS if host not in run.report] == [], run.report
    assert fleet.current == dict.fromkeys(HOSTS, "1.0")


WRITE = """\
- name: Write {point}
  ansible.builtin.lineinfile:
    path: "{{{{ inventory_dir }}}}/log"
    line: "{point} {{{{ inventory_hostname }}}} {{{{ artifact_release_version }}}} {{{{ handed | default('nothing') }}}}"
    create: true
    mode: "0600"
  throttle: 1
"""


def test_hooks_hand_values_on_and_secrets_stay_secret(fleet: Fleet) -> None:
    fleet.hook(
        "before_link",
        "- name: Log in\n  ansible.builtin.command: echo hunter2-{{ inventory_hostname }}\n  register: login\n"
        "  no_log: true\n  changed_when: false\n"
        "- name: Hand it over\n  ansible.builtin.set_fact: {handed: '{{ login.stdout }}'}\n  no_log: true\n"
        + WRITE.format(point="before_link").replace("handed |", "(handed is defined) |"),
    )
    fleet.hook("after_restart", WRITE.format(point="after_restart") + "  no_log: true\n")
    run = fleet.play("fleet", "2.0", "-vv")
    assert run.code == 0, run.output
    assert "hunter2" not in run.output
    assert fleet.log == [
        *(f"after_restart {host} 2.0 hunter2-{host}" for host in HOSTS),
        *(f"before_link {host} 2.0 True" for host in HOSTS),
    ]
    assert fleet.current == dict.fromkeys(HOSTS, "2.0")


def test_a_file_runs_for_the_hosts_that_have_it(fleet: Fleet) -> None:
    for host, point in (("web2", "one"), ("web3", "other")):
        fleet.hook(
            host,
            WRITE.format(point=point)
            + "- name: Once\n  ansible.builtin.fail: {msg: no}\n  run_once: true\n  ignore_errors: true\n",
        )
        fleet.own[host] = {"artifact_hooks": {"after_restart": fleet.hooks.pop(host)}}
    run = fleet.play("fleet", "2.0", "-e", json.dumps({"fleet_rolling_batches": [3]}))
    assert run.code == 0, run.output
    assert fleet.log == ["one web2 2.0 nothing", "other web3 2.0 nothing"]


def test_a_rollback_goes_on_for_all_of_the_fleet_and_then_fails_for_its_hooks(fleet: Fleet) -> None:
    assert fleet.play("fleet").code == 0
    fleet.hook("before_link", "- ansible.builtin.meta: end_play\n")
    fleet.hook("after_restart", TELL)
    run = fleet.play("rollback", "1.0", "-e", "layer=artifact")
    assert run.code == 2, run.output
    assert fleet.current == dict.fromkeys(HOSTS, "1.0")
    assert f"before_link: {ENDED}" in run.report, run.report
    assert re.search(f"after_restart: {UNREACHABLE}", run.report), run.report
    assert (fleet.locked, fleet.journal["outcome"]) == (False, "failed")


def test_the_tasks_of_a_hook_end_with_the_run(fleet: Fleet) -> None:
    started = fleet.folder / "started"
    fleet.hook(
        "before_link",
        f"- name: Wait\n  ansible.builtin.shell: echo $$ >> {started}; exec sleep 300\n"
        f"- name: Go on\n  ansible.builtin.command: touch {fleet.folder}/went-on\n",
    )
    process = subprocess.Popen(
        [PLAYBOOK, *fleet.command("fleet", "2.0")],
        cwd=ROOT,
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_until(lambda: started.exists() and len(started.read_text().splitlines()) == 2)
        process.send_signal(signal.SIGTERM)
        process.wait(WAIT)
    finally:
        process.kill()
    pids = started.read_text().splitlines()
    wait_until(lambda: not any(Path("/proc", pid).exists() for pid in pids))
    assert not (fleet.folder / "went-on").exists()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
