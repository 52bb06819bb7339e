# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts and stops the embedded fleet: ``python -m demo.fleet up|down``.

Four web hosts and a worker are folders with a process each; supervisord runs these, PostgreSQL, Caddy and the
artifact server. The hosts' processes start with their first deployment.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import sysconfig
import tempfile
import time
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo import balancer, ports, postgres, processes, supervisor
from demo.state import DemoError, State, read_json, write_json, write_text

WEB = ("web1", "web2", "web3", "web4")
WORKERS = ("worker1",)
HOSTS = WEB + WORKERS
SERVICES = ("postgres", "caddy", "artifacts")
# supervisord binds a name a little longer than this one first, and the limit for a socket is 103 to 107 bytes.
SOCKET_PATH_LIMIT = 90


@dataclass(frozen=True)
class Fleet:
    """A fleet's addresses: what the inventory and the other parts of the demo read."""

    state: State
    ports: Mapping[str, int]
    socket: Path

    @property
    def balancer_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['caddy']}"

    @property
    def caddy_admin(self) -> str:
        return f"http://127.0.0.1:{self.ports['caddy_admin']}"

    @property
    def artifacts_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['artifacts']}"

    @property
    def database_url(self) -> str:
        return self.state.database_url_file.read_text(encoding="utf-8").strip()

    def health_url(self, host: str) -> str:
        return f"http://127.0.0.1:{self.ports[host]}/health"

    def caddy_config(self) -> dict[str, Any]:
        return balancer.caddy_config(self.ports["caddy"], self.ports["caddy_admin"], self.slots)

    @property
    def slots(self) -> dict[Path, str]:
        """The balancer's file of each web host, and the address that belongs in it."""
        return {self.state.pool / host: f"127.0.0.1:{self.ports[host]}" for host in WEB}

    def programs(self) -> list[supervisor.Program]:
        state, run = self.state, self.state.run
        server = postgres.locate(state)
        caddy = str(Path(sysconfig.get_path("scripts")) / "caddy")
        files = ("-m", "http.server", str(self.ports["artifacts"]), "--bind", "127.0.0.1")
        return [
            supervisor.Program(
                "postgres",
                server.command(self.ports["postgres"]),
                server.home,
                True,
                user=server.user,
                stop_signal="INT",
            ),
            supervisor.Program("caddy", (caddy, "run", "--config", str(run / "caddy.json")), run, True),
            supervisor.Program(
                "artifacts", (sys.executable, *files, "--directory", str(state.artifacts)), run, True
            ),
            *(
                supervisor.Program(
                    host,
                    (sys.executable, str(state.hosts / host / "current" / "bin" / "shop"), _role(host)),
                    run,
                    autostart=False,
                )
                for host in HOSTS
            ),
        ]

    def describe(self) -> dict[str, Any]:
        return {
            "dir": str(self.state.dir),
            "ports": dict(self.ports),
            "hosts": {host: {"port": self.ports[host]} for host in HOSTS},
            "supervisor": f"unix://{self.socket}",
            "caddy_admin": self.caddy_admin,
            "balancer_url": self.balancer_url,
            "artifacts_url": self.artifacts_url,
            "flags": str(self.state.flags),
            "python": sys.executable,
        }


def _role(host: str) -> str:
    return "worker" if host in WORKERS else "web"


def load(state: State) -> Fleet:
    """The fleet that was started last in this checkout.

    Raises:
        DemoError: there is none.
    """
    described = read_json(state.fleet_file)
    # A copied checkout brings the other one's file, whose ports and processes are not ours.
    if not isinstance(described, dict) or described.get("dir") != str(state.dir):
        raise DemoError(f"There is no fleet in {state.dir}: run `make demo`.")
    return Fleet(state, described["ports"], Path(described["supervisor"].removeprefix("unix://")))


def up(state: State) -> Fleet:
    """Make the fleet run, whatever was left behind; a fleet that runs already is not touched."""
    state.prepare()
    fleet = _running(state) or _start(state)
    supervisor.start(fleet.socket, SERVICES)
    _await_services(fleet)
    postgres.ensure_database(postgres.locate(state), fleet.ports["postgres"], state.database_url_file)
    provision(fleet)
    return fleet


def down(state: State) -> int:
    """Stop all that the demo started here and wait for it; returns how many processes that were."""
    described = read_json(state.fleet_file) or {}
    data = postgres.locate(state).data
    ours = [*processes.marked(processes.RUN_MARK, state.dir), *_processes(state, data)]
    processes.end(process for process in ours if process.pid != os.getpid())
    # What supervisord restarted while it was itself about to end.
    processes.end(_processes(state, data))
    socket = Path(str(described.get("supervisor", "")).removeprefix("unix://"))
    if socket.parent.name.startswith("strata-demo-") and socket.parent.parent == Path(tempfile.gettempdir()):
        shutil.rmtree(socket.parent, ignore_errors=True)
    return len(ours)


def provision(fleet: Fleet) -> None:
    """Write what a host has before its first deployment: the folder, and the shop's settings there."""
    for host in HOSTS:
        shared = fleet.state.hosts / host / "shared"
        shared.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings = {
            "host": host,
            "port": fleet.ports[host],
            "database_url": fleet.database_url,
            "flags": str(fleet.state.flags),
        }
        if read_json(shared / "shop.json") != settings:
            write_json(shared / "shop.json", settings)
    if not fleet.state.flags.exists():
        write_json(fleet.state.flags, {"$schema": "https://flagd.dev/schema/v0/flags.json", "flags": {}})


def resume(fleet: Fleet) -> None:
    """Start the hosts that have a release, as a machine does after a reboot."""
    supervisor.start(
        fleet.socket, [host for host in HOSTS if (fleet.state.hosts / host / "current").exists()]
    )


def _processes(state: State, data: Path) -> list[Any]:
    return [*processes.marked(processes.FLEET_MARK, state.dir), *processes.postgres(data)]


def _running(state: State) -> Fleet | None:
    """The fleet, if its supervisor answers and would be started in just the same way today."""
    try:
        fleet = load(state)
    except DemoError:
        return None
    conf = state.run / "supervisord.conf"
    same = conf.exists() and conf.read_text(encoding="utf-8") == _supervisor_conf(fleet)
    return fleet if same and supervisor.answers(fleet.socket) else None


def _start(state: State) -> Fleet:
    try:
        former: Mapping[str, int] = load(state).ports
    except DemoError:
        former = {}
    down(state)
    names = ("caddy", "caddy_admin", "postgres", "artifacts", *HOSTS)
    fleet = Fleet(state, ports.choose(names, former), _socket(state))
    write_json(state.fleet_file, fleet.describe())
    postgres.prepare(postgres.locate(state))
    balancer.fill_slots(fleet.slots, keep_drained=True)
    write_json(state.run / "caddy.json", fleet.caddy_config())
    write_text(state.run / "supervisord.conf", _supervisor_conf(fleet))
    supervisor.launch(
        state.run / "supervisord.conf",
        fleet.socket,
        state.run,
        _environment(state),
        state.logs / "supervisord.out.log",
    )
    return fleet


def _supervisor_conf(fleet: Fleet) -> str:
    logs = os.path.relpath(fleet.state.logs, fleet.state.run)
    return supervisor.render(fleet.programs(), socket=fleet.socket, logs=logs)


def _socket(state: State) -> Path:
    socket = state.run / "supervisor.sock"
    if len(os.fsencode(socket)) > SOCKET_PATH_LIMIT:
        socket = Path(tempfile.mkdtemp(prefix="strata-demo-")) / "supervisor.sock"
    socket.unlink(missing_ok=True)
    return socket


def _environment(state: State) -> dict[str, str]:
    """What the fleet's processes get: nothing of the reader's own settings, and no default folder of theirs."""
    inherited = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "TZ") if name in os.environ}
    home = str(state.run)
    return {
        **inherited,
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "HOME": home,
        "XDG_CONFIG_HOME": home,
        "XDG_DATA_HOME": home,
        processes.FLEET_MARK: str(state.dir),
    }


def _await_services(fleet: Fleet, timeout: float = 30.0) -> None:
    deadline = time.monotonic() + timeout
    urls = {"caddy": f"{fleet.caddy_admin}/config/", "artifacts": f"{fleet.artifacts_url}/"}
    for name, url in urls.items():
        while not _responds(url):
            statename = supervisor.connect(fleet.socket).getProcessInfo(name)["statename"]
            if statename == "FATAL" or time.monotonic() > deadline:
                log = fleet.state.logs / f"{name}.err.log"
                raise DemoError(
                    f"{name} does not come up ({statename}); the end of {log}:\n{supervisor.tail(log)}"
                )
            time.sleep(0.05)


def _responds(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except OSError:
        return False


def main(arguments: Iterable[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m demo.fleet", description=__doc__.splitlines()[0])
    parser.add_argument("verb", choices=["up", "down"])
    verb = parser.parse_args(None if arguments is None else list(arguments)).verb
    state = State()
    try:
        if verb == "down" and not state.dir.exists():
            print(f"Nothing to stop: there is no {state.dir}.")
            return 0
        with state.locked():
            if verb == "down":
                count = down(state)
                print(f"Stopped {count} process{'' if count == 1 else 'es'}; the state stays in {state.dir}.")
                return 0
            fleet = up(state)
            resume(fleet)
            print(f"The fleet is up: the balancer is {fleet.balancer_url}.")
    except DemoError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; the same command again puts it right.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
