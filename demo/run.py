# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``make demo`` runs: deploys 1.0 onto a bare fleet, then 2.0 under load, and says what happened."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demo import balancer, build, fleet, postgres, processes, summary, supervisor
from demo.fleet import Fleet
from demo.state import ROOT, DemoError, State, read_json, write_json

FIRST, SECOND = "1.0", "2.0"
# How long the users are watched before and after the deployment.
MARGIN_SECONDS = 1.0


def main() -> int:
    # As if interrupted at the keyboard: what was started is ended, in order.
    signal.signal(signal.SIGTERM, _interrupt)
    state = State()
    try:
        with state.locked():
            return _run(state)
    except DemoError as error:
        print(f"\nThe demo failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. `make demo` starts over, `make demo-down` stops the fleet.", file=sys.stderr)
        return 130


def _run(state: State) -> int:
    started = time.monotonic()
    processes.end(processes.marked(processes.RUN_MARK, state.dir))
    _say("Starting the fleet: PostgreSQL, Caddy, four web hosts and a worker under supervisord")
    running = fleet.up(state)
    _say("Building the releases")
    build.build(state)
    reset(running)
    _say(f"Deploying {FIRST} onto the bare fleet")
    deploy(state, FIRST)
    load_file = state.dir / "load.json"
    _say(f"Deploying {SECOND} under a load of 50 requests a second through {running.balancer_url}")
    with _load(state, load_file):
        time.sleep(MARGIN_SECONDS)
        seconds = deploy(state, SECOND)
        time.sleep(MARGIN_SECONDS)
    measured = read_json(load_file)
    if measured is None:
        raise DemoError(f"the load left no result; see {state.logs / 'load.log'}.")
    report = summary.summarise(measured, releases(running), seconds)
    write_json(state.dir / "summary.json", report)
    found = summary.problems(report, SECOND)
    _say(
        f"{'The demo failed' if found else 'Done'} after {time.monotonic() - started:.0f} s; what runs, and what the users saw:"
    )
    print(summary.render(report))
    for problem in [*found, *measured["failures"]]:
        print(f"  ! {problem}")
    if not found:
        print(_try_next())
    return 1 if found else 0


def reset(running: Fleet) -> None:
    """Put the fleet back to the state before any deployment, so that a run shows the whole story."""
    state = running.state
    supervisor.stop(running.socket, fleet.HOSTS)
    shutil.rmtree(state.hosts)
    shutil.rmtree(state.dir / "deployment", ignore_errors=True)
    for name in ("load.json", "summary.json", "timing.json"):
        (state.dir / name).unlink(missing_ok=True)
    state.flags.unlink()
    state.prepare()
    fleet.provision(running)
    postgres.empty(running.database_url)
    balancer.fill_slots(running.slots, keep_drained=False)


def deploy(state: State, version: str) -> dict[str, float]:
    """Run the deployment as an operator would; returns the seconds of each layer."""
    timing = state.dir / "timing.json"
    timing.unlink(missing_ok=True)
    command = [
        "ansible-playbook",
        "deploy.yml",
        "-i",
        "inventories/demo",
        "-e",
        f"@demo/releases/shop-{version}.yml",
    ]
    print(f"$ {' '.join(command)}", flush=True)
    environment = {
        **_environment(state),
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "STRATA_EXECUTIONS_FILE": str(timing),
    }
    process = subprocess.Popen([str(_scripts() / command[0]), *command[1:]], cwd=ROOT, env=environment)
    try:
        code = process.wait()
    except KeyboardInterrupt:
        _end(process, signal.SIGINT)
        raise
    if code != 0:
        raise DemoError(f"deploying {version} ended with exit code {code}.")
    return summary.seconds_per_layer(read_json(timing))


def releases(running: Fleet) -> dict[str, str]:
    """The release that each host says it runs."""
    return {host: _release(running.health_url(host)) for host in fleet.HOSTS}


def _release(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return str(response.headers.get("X-Release", "unknown"))
    except urllib.error.HTTPError as error:
        return f"{error.headers.get('X-Release', 'unknown')} (health answers {error.code})"
    except OSError:
        return "nothing"


@contextmanager
def _load(state: State, out: Path) -> Iterator[None]:
    """Users who act as long as the block runs."""
    with open(state.logs / "load.log", "wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "demo.load", "--out", str(out)],
            cwd=ROOT,
            env=_environment(state),
            stdout=log,
            stderr=log,
            # A Ctrl-C is for the deployment; the load is ended last.
            start_new_session=True,
        )
    try:
        yield
        if process.poll() is not None:
            raise DemoError(f"the load ended by itself; see {state.logs / 'load.log'}.")
    finally:
        _end(process, signal.SIGTERM)


def _end(process: subprocess.Popen[bytes], number: int) -> None:
    if process.poll() is None:
        process.send_signal(number)
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _environment(state: State) -> dict[str, str]:
    path = os.pathsep.join([str(_scripts()), os.environ.get("PATH", os.defpath)])
    return {**os.environ, "PATH": path, processes.RUN_MARK: str(state.dir)}


def _scripts() -> Path:
    return Path(sysconfig.get_path("scripts"))


def _try_next() -> str:
    scripts = _scripts()
    program = scripts / "ansible-playbook"
    shown = program.relative_to(ROOT) if program.is_relative_to(ROOT) else program
    return f"""
The fleet goes on running. Try next, and `make demo-down` to stop it:
  {shown} status.yml
  {shown} deploy.yml -e @demo/releases/shop-3.0-broken.yml
  {shown} rollback.yml -e layer=feature"""


def _say(text: str) -> None:
    print(f"\n==> {text}", flush=True)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
