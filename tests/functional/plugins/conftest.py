# SPDX-License-Identifier: GPL-3.0-or-later
"""A real supervisord with a real little HTTP server, and the account of servers that root must not run."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import pytest
from fixtures.plugins import Built, build, certificates, free_port, logged, migrating_shop, run_module

from ansible_collections.strata.deploy.plugins.module_utils._artifact.services import service_options
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.supervisord import Supervisord

__all__ = ["build", "certificates", "free_port", "logged", "migrating_shop", "run_module"]

SERVER = """\
import http.server, os, signal, sys
here = os.path.dirname(os.path.realpath(__file__))
mode = open(os.path.join(here, "mode")).read()
if mode == "crash":
    sys.exit("shop: cannot read postgresql://shop:s3cret@db/shop")
if mode == "orphan" and os.fork():
    signal.pause()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(500 if mode == "sick" else 200)
        self.send_header("X-Version", os.path.basename(here))
        self.send_header("X-Pid", str(os.getpid()))
        self.end_headers()
        self.wfile.write(b"no database" if mode == "sick" else b"fine")
    def log_message(self, *arguments):
        pass
print("shop: serving", flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.fixture(scope="session")
def unprivileged() -> dict[str, Any]:
    """Arguments for subprocess: a server started by root runs as nobody, the one other user that every system has."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


@pytest.fixture
def build_shop(build: Callable[..., Built]) -> Callable[..., Built]:
    """Build a release of the shop; ``mode`` is fine, sick, crash or orphan."""

    def make(version: str, mode: str = "fine", **more: str) -> Built:
        return build(f"shop-{version}", {"serve.py": SERVER, "mode": mode, **more})

    return make


@dataclass(frozen=True)
class Supervised:
    """A running supervisord whose program ``shop`` is ``root/current/serve.py``."""

    root: Path
    port: int
    socket: str

    @property
    def service(self) -> dict[str, Any]:
        return {"manager": "supervisord", "name": "shop", "address": self.socket, "timeout": 10.0}

    @property
    def health(self) -> dict[str, Any]:
        return {
            "url": f"http://127.0.0.1:{self.port}/health",
            "version_header": "X-Version",
            "timeout": 10.0,
            "interval": 0.05,
        }


@pytest.fixture(scope="session")
def supervisord() -> Iterator[Supervised]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # Not tmp_path: the path of a UNIX socket is short.
    folder = Path(tempfile.mkdtemp(prefix="strata-"))
    (folder / "supervisord.conf").write_text(f"""
[supervisord]
nodaemon=true
logfile={folder}/supervisord.log
pidfile={folder}/supervisord.pid
childlogdir={folder}
[unix_http_server]
file={folder}/s.sock
username=deploy
password=s3cret
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[program:shop]
command={sys.executable} {folder}/shop/current/serve.py {port}
autostart=false
stopwaitsecs=1
[program:stubborn]
command={sys.executable} -c "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, {{15}}); signal.pause()"
autostart=false
stopwaitsecs=1
[program:absent]
command={folder}/nowhere
autostart=false
[program:pair]
command={sys.executable} -c "import os, time; os.path.exists('{folder}/shop/broken') and exit('pair: broken'); time.sleep(60)"
process_name=%(program_name)s_%(process_num)d
numprocs=2
autostart=false
""")
    command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(folder / "supervisord.conf")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 20
    while not (folder / "s.sock").exists():
        assert process.poll() is None, "supervisord ended"
        assert time.monotonic() < deadline, "supervisord did not start"
        time.sleep(0.02)
    yield Supervised(folder / "shop", port, f"unix://deploy:s3cret@{folder}/s.sock")
    process.terminate()
    process.wait(20)
    shutil.rmtree(folder)


@pytest.fixture
def supervised(supervisord: Supervised) -> Iterator[Supervised]:
    """The supervisord with nothing running and no release there, before and after."""
    yield supervisord
    options = service_options(supervisord.service)
    assert options
    Supervisord(options)._call("stopAllProcesses")
    shutil.rmtree(supervisord.root, ignore_errors=True)


@pytest.fixture
def environment_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder at the front of PATH, for executables that stand in for the host's."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder
