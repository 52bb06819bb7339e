# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet of folders on this machine behind a real Caddy: what the controller does, without servers to wait for."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from operator_desk import ROOT, Run, wait_until

sys.path.insert(0, str(ROOT))
from demo.balancer import POOL, caddy_config

HOSTS = ("web1", "web2", "web3")
WAIT = """\
- name: Say that the hook has come
  ansible.builtin.file: {{path: "{folder}/came", state: touch, mode: "0644"}}
- name: Wait for the test
  ansible.builtin.wait_for: {{path: "{folder}/go", timeout: 120, sleep: 1}}
"""


def free_ports(count: int) -> list[int]:
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


class SmallFleet:
    """Three hosts, none with a service or a health check, a balancer, and a controller that deploys to them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.slots = {host: folder / "pool" / host for host in HOSTS}
        listen, self.admin, *ports = free_ports(2 + len(HOSTS))
        self.addresses = {host: f"127.0.0.1:{port}" for host, port in zip(HOSTS, ports)}
        (folder / "pool").mkdir()
        for host, slot in self.slots.items():
            slot.write_text(self.addresses[host])
        config = caddy_config(listen, self.admin, self.slots.values())
        del config["apps"]["http"]["servers"]["shop"]["routes"][0]["handle"][0]["health_checks"]
        (folder / "caddy.json").write_text(json.dumps(config))
        self.vars: dict[str, Any] = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "deployment_app": "shop",
            "deployment_state_dir": str(folder / "state"),
            "deployment_layers": ["artifact", "fleet"],
            "artifact_root": f"{folder}/hosts/{{{{ inventory_hostname }}}}",
            "fleet_rolling_batches": [1],
            "fleet_rolling_min_ready": 0,
        }
        self.process: subprocess.Popen[bytes] | None = None
        self.second: SmallFleet | None = None

    def add_balancer(self) -> SmallFleet:
        """A second balancer in front of the same hosts, running; it is stopped by itself."""
        folder = self.folder / "second"
        folder.mkdir()
        self.second = SmallFleet(folder)
        self.second.addresses = self.addresses
        for host, slot in self.second.slots.items():
            slot.write_text(self.addresses[host])
        self.second.start()
        return self.second

    def start(self) -> None:
        tool = Path(sys.executable).parent / "caddy"
        self.process = subprocess.Popen(
            [str(tool), "run", "--config", str(self.folder / "caddy.json")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(self._answers, "the balancer's answer")

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.admin)) == 0

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(20)

    @property
    def lock(self) -> Path:
        return self.folder / "state/shop/lock.json"

    @property
    def journal(self) -> list[dict[str, Any]]:
        path = self.folder / "state/shop/journal.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def in_rotation(self) -> list[str]:
        return [host for host, slot in self.slots.items() if slot.read_text().startswith("127.0.0.1:")]

    def drain_as_an_operator(self, host: str) -> None:
        self.slots[host].write_text(f"unix//nonexistent/{self.addresses[host]}")

    def releases(self) -> dict[str, str]:
        """The version that each host's `current` leads to; empty where there is none."""
        links = {host: self.folder / "hosts" / host / "current" for host in HOSTS}
        return {
            host: os.path.basename(os.readlink(link)) if link.is_symlink() else ""
            for host, link in links.items()
        }

    def everywhere(self, version: str) -> bool:
        return set(self.releases().values()) == {version} and self.in_rotation() == list(HOSTS)

    def release(self, version: str) -> dict[str, str]:
        path = self.folder / f"shop-{version}.tar.gz"
        if not path.exists():
            with tarfile.open(path, "w:gz") as tar:
                member = tarfile.TarInfo("app.py")
                member.size = len(version)
                tar.addfile(member, io.BytesIO(version.encode()))
        checksum = f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
        return {"artifact_version": version, "artifact_url": str(path), "artifact_checksum": checksum}

    def hook(self, name: str, text: str) -> str:
        path = self.folder / f"{name}.yml"
        path.write_text(text)
        return str(path)

    def command(self, playbook: str, *arguments: str, **variables: Any) -> list[str]:
        inventory = self.folder / "inventory.yml"
        hosts = {host: {"fleet_rolling_member": self.addresses[host]} for host in HOSTS}
        balancers = {
            name: {
                "fleet_rolling_balancer": {
                    "provider": "caddy",
                    "address": f"http://127.0.0.1:{fleet.admin}",
                    "pool": POOL,
                }
            }
            for name, fleet in (("lb1", self), ("lb2", self.second))
            if fleet
        }
        inventory.write_text(
            yaml.safe_dump(
                {
                    "all": {"vars": self.vars},
                    "fleet": {"hosts": hosts},
                    "lb": {"hosts": balancers},
                    "control": {"hosts": {"localhost": {}}},
                }
            )
        )
        tool = str(Path(sys.executable).parent / "ansible-playbook")
        return [tool, "-i", str(inventory), f"{playbook}.yml", *arguments, "-e", json.dumps(variables)]

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        return {**kept, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCAL_TEMP": str(self.folder / "tmp"), **more}

    def play(
        self, playbook: str, *arguments: str, environment: dict[str, str] | None = None, **variables: Any
    ) -> Run:
        done = subprocess.run(
            self.command(playbook, *arguments, **variables),
            cwd=ROOT,
            env=self.environment(**(environment or {})),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=300,
            check=False,
        )
        return Run(done.returncode, done.stdout)

    def deploy(self, version: str, *arguments: str, **variables: Any) -> Run:
        return self.play("deploy", *arguments, **self.release(version), **variables)

    @contextmanager
    def held(self, version: str, point: str, **variables: Any) -> Iterator[subprocess.Popen[str]]:
        """A deployment that waits in a hook on its first host; it goes on when the block ends, unless it was killed."""
        for name in ("came", "go"):
            (self.folder / name).unlink(missing_ok=True)
        hooks = {"artifact_hooks": {point: self.hook("wait", WAIT.format(folder=self.folder))}}
        process = subprocess.Popen(
            self.command("deploy", **self.release(version), **hooks, **variables),
            cwd=ROOT,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        try:
            wait_until((self.folder / "came").exists, "the hook", timeout=240)
            yield process
        finally:
            (self.folder / "go").touch()

    @staticmethod
    def kill(process: subprocess.Popen[str]) -> None:
        """End the controller as a power cut does."""
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
