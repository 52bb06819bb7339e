# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An operator at work in a copy of the checkout, which has a demo fleet of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HOSTS = ("web1", "web2", "web3", "web4", "worker1")


@dataclass
class Run:
    """A finished command: its exit code, what it printed, and Ansible's recap by host."""

    code: int
    output: str

    @property
    def recap(self) -> dict[str, dict[str, int]]:
        found = re.findall(r"^(\S+)\s+: (ok=.*)$", self.output, re.MULTILINE)
        return {
            host: {key: int(value) for key, value in (pair.split("=") for pair in counts.split())}
            for host, counts in found
        }

    @property
    def changed(self) -> int:
        assert self.recap, self.output
        return sum(counts["changed"] for counts in self.recap.values())

    @property
    def report(self) -> str:
        """What stands below the recap: the last lines."""
        return self.output[self.output.rindex("PLAY RECAP") :].split("\n\n", 1)[-1]


@dataclass
class Load:
    """What the users saw, filled in when the load has ended."""

    result: dict[str, Any] = field(default_factory=dict)

    def assert_nobody_noticed(self) -> None:
        assert self.result["requests"] > 0
        assert self.result["failures"] == []
        assert (self.result["failed"], self.result["writes_lost"]) == (0, 0)


class Demo:
    """The copy, and what an operator does in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.state = root / ".demo"
        self.outputs: list[str] = []

    @property
    def fleet(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.state / "fleet.json").read_text())
        return document

    @property
    def environment(self) -> dict[str, str]:
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("ANSIBLE_", "VIRTUAL_ENV"))
        }
        return {**inherited, "ANSIBLE_NOCOLOR": "1", "PYTHONUNBUFFERED": "1"}

    def run(self, *command: str, cwd: Path | None = None, timeout: float = 600, **environment: str) -> Run:
        done = subprocess.run(
            command,
            cwd=cwd or self.root,
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=timeout,
            check=False,
        )
        self.outputs.append(done.stdout)
        return Run(done.returncode, done.stdout)

    def tool(self, name: str) -> str:
        return str(self.root / ".venv" / "bin" / name)

    def play(self, playbook: str, *arguments: str, **environment: str) -> Run:
        return self.run(
            self.tool("ansible-playbook"), playbook, "-i", "inventories/demo", *arguments, **environment
        )

    def deploy(self, release: str, *arguments: str, **environment: str) -> Run:
        return self.play("deploy.yml", "-e", f"@demo/releases/shop-{release}.yml", *arguments, **environment)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """A playbook in the background, in a process group of its own."""
        command = [self.tool("ansible-playbook"), *arguments[:1], "-i", "inventories/demo", *arguments[1:]]
        return subprocess.Popen(
            command,
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    @contextmanager
    def load(self) -> Iterator[Load]:
        """Users, 50 requests a second through the balancer, for as long as the block runs."""
        out = self.state / "test-load.json"
        out.unlink(missing_ok=True)
        process = subprocess.Popen(
            [self.tool("python"), "-m", "demo.load", "--out", str(out)],
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.DEVNULL,
        )
        seen = Load()
        try:
            yield seen
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
        seen.result = json.loads(out.read_text())

    def releases(self) -> dict[str, str]:
        """What each host itself says that it runs."""
        found = {}
        for host in HOSTS:
            url = f"http://127.0.0.1:{self.fleet['hosts'][host]['port']}/health"
            with urllib.request.urlopen(url, timeout=10) as answer:
                found[host] = answer.headers["X-Release"]
        return found

    def in_rotation(self) -> list[str]:
        """The web hosts that the balancer sends requests to, read where the balancer reads it."""
        return [
            host for host in HOSTS[:4] if (self.state / "pool" / host).read_text().startswith("127.0.0.1:")
        ]

    def processes(self) -> dict[str, int]:
        code = (
            "from demo import fleet, supervisor; from demo.state import State; import json; "
            "rpc = supervisor.connect(fleet.load(State()).socket); "
            "print(json.dumps({p['name']: p['pid'] for p in rpc.getAllProcessInfo()}))"
        )
        pids: dict[str, int] = json.loads(self.run(self.tool("python"), "-c", code).output)
        return pids

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        import psycopg

        with psycopg.connect((self.state / "secrets" / "database_url").read_text().strip()) as connection:
            return connection.execute(sql).fetchall()

    def schema(self) -> list[str]:
        return [row[0] for row in self.query("SELECT version FROM schema_migrations ORDER BY version")]

    def flags(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.state / "flags" / "flags.json").read_text())
        return document["flags"]

    def fingerprint(self) -> dict[str, Any]:
        """Everything that a deployment may change, to show that one has not."""
        return {
            "processes": self.processes(),
            "hosts": {
                str(path.relative_to(self.state)): os.readlink(path)
                if path.is_symlink()
                else path.stat().st_mtime_ns
                for host in HOSTS
                for path in [
                    *(self.state / "hosts" / host / "releases").glob("*"),
                    self.state / "hosts" / host / "current",
                ]
            },
            "flags": self.flags(),
            "pool": self.in_rotation(),
            "schema": self.schema(),
            "columns": self.query(
                "SELECT table_name, column_name FROM information_schema.columns "
                "WHERE table_schema = 'public' ORDER BY 1, 2"
            ),
            "deployment": sorted(str(path) for path in (self.state / "deployment").rglob("*.json")),
        }


def wait_until(condition: Callable[[], bool], what: str, timeout: float = 60) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {timeout} s"
        time.sleep(0.02)


def copy_checkout(target: Path) -> None:
    """What git knows of the checkout; a virtualenv and a fleet that an earlier run left there stay."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for old in target.glob("*"):
        if old.name not in (".venv", ".demo"):
            shutil.rmtree(old) if old.is_dir() and not old.is_symlink() else old.unlink()
    for name in filter(None, listed.stdout.split("\0")):
        source = ROOT / name
        if source.is_symlink() or source.exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name, follow_symlinks=False)
