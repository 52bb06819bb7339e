# SPDX-License-Identifier: GPL-3.0-or-later
"""Artifacts built on the spot, one with a migration tool, and a real supervisord with a real little HTTP server."""

from __future__ import annotations

import datetime
import gzip
import hashlib
import io
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.strata.deploy.plugins.module_utils._artifact.services import service_options
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.supervisord import Supervisord
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator import guard

AUTHORITY = "the tests' CA"

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

MIGRATION_TOOL = '''#!/usr/bin/env python3
"""A migration tool as teams have them: its steps are code, its history is a table."""
import json, os, sqlite3, sys

STEPS = {
    "0001_orders": ("expand", "CREATE TABLE orders (id integer);"),
    "0002_currency": ("expand", "ALTER TABLE orders ADD COLUMN currency text;"),
    "0003_drop_note": ("contract", "CREATE TABLE no_note (id integer);"),
}
behaviour = os.environ.get("SHOP_TEST", "")
print("talks a lot", file=sys.stderr)
database = sqlite3.connect(os.environ["SHOP_DB"])
database.execute("CREATE TABLE IF NOT EXISTS history (name text)") if sys.argv[1] != "plan" else None
try:
    done = [row[0] for row in database.execute("SELECT name FROM history")]
except sqlite3.OperationalError:
    done = []
open(os.environ["SHOP_DB"] + ".calls", "a").write(
    " ".join([sys.argv[1], *(os.environ.get("STRATA_" + x, "-") for x in ("PHASE", "RELEASE", "VERSION"))]) + "\\n"
)
pending = [name for name in STEPS if name not in done]
if sys.argv[1] == "plan":
    if behaviour == "lines":
        print("\\n".join(name for name in pending if STEPS[name][0] == "expand"))
    else:
        print(json.dumps([{"name": name, "phase": STEPS[name][0], "sql": STEPS[name][1]} for name in pending]))
elif sys.argv[1] == "apply":
    for name in pending:
        if STEPS[name][0] != os.environ["STRATA_PHASE"] and behaviour != "heedless":
            continue
        if behaviour == "lazy":
            break
        if behaviour == "breaks" and name == "0002_currency":
            sys.exit("cannot alter orders as " + os.environ["SHOP_PASSWORD"])
        database.executescript(STEPS[name][1])
        database.execute("INSERT INTO history VALUES (?)", (name,))
        database.commit()
elif sys.argv[1] == "rollback":
    for name in [name for name in reversed(done) if name > os.environ["STRATA_VERSION"]]:
        database.execute("DELETE FROM history WHERE name = ?", (name,))
        database.commit()
        print(name) if behaviour not in ("silent", "chatty") else None
        sys.exit(3) if behaviour == "breaks" else None
    print('{"done": true}') if behaviour == "chatty" else None
'''


@dataclass(frozen=True)
class Built:
    """An artifact on disk."""

    path: Path
    checksum: str

    @property
    def url(self) -> str:
        return str(self.path)


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., Built]:
    """Build a tar.gz from a mapping of names to contents."""

    def make(name: str = "artifact", files: dict[str, str] | None = None) -> Built:
        path = tmp_path / f"{name}.tar.gz"
        # Without a time in it, so that the same files have the same checksum.
        with gzip.GzipFile(path, "wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
            for member, text in (files or {"app.py": name}).items():
                info = tarfile.TarInfo(member)
                info.size = len(text.encode())
                info.mode = 0o644
                tar.addfile(info, io.BytesIO(text.encode()))
        return Built(path, "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest())

    return make


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
def logged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What modules write to the host's log."""
    from ansible.module_utils.basic import AnsibleModule

    lines: list[str] = []

    def log(self: Any, msg: str, log_args: dict[str, Any] | None = None) -> None:
        lines.append(f"{msg} {log_args}")

    monkeypatch.setattr(AnsibleModule, "log", log)
    return lines


@pytest.fixture
def environment_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder at the front of PATH, for executables that stand in for the host's."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


@dataclass(frozen=True)
class MigratingShop:
    """An app's folder on this host, the artifact of its release 2.0, and its SQLite database."""

    root: Path
    archive: Path
    database: Path

    @property
    def checksum(self) -> str:
        return f"sha256:{hashlib.sha256(self.archive.read_bytes()).hexdigest()}"

    def options(self, behaviour: str = "", **more: Any) -> dict[str, Any]:
        """Options of the module, and of the engine, for the release 2.0."""
        environment = {"SHOP_DB": str(self.database), "SHOP_TEST": behaviour, "SHOP_PASSWORD": "hunter2"}
        return {
            "options": {
                "plan": "bin/tool plan",
                "apply": ["bin/tool", "apply"],
                "rollback": "bin/tool rollback",
            },
            "environment": environment,
            "path": str(self.root),
            "release": "2.0",
            "archive": str(self.archive),
            "checksum": self.checksum,
            "lock": "host",
            **more,
        }

    def history(self) -> list[str]:
        with sqlite3.connect(self.database) as connection:
            return [row[0] for row in connection.execute("SELECT name FROM history")]

    def calls(self) -> list[str]:
        """What was run since the last time this was asked: the verb, the phase, the release, the version."""
        log = Path(f"{self.database}.calls")
        found = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return found


@pytest.fixture
def migrating_shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MigratingShop:
    """A shop whose release brings a migration tool of its own."""
    monkeypatch.setattr(guard, "RUN", tmp_path)
    source = tmp_path / "source"
    (source / "bin").mkdir(parents=True)
    tool = source / "bin" / "tool"
    tool.write_text(MIGRATION_TOOL)
    tool.chmod(0o755)
    archive = tmp_path / "shop-2.0.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(source / "bin", "bin")
    database = tmp_path / "data" / "shop.db"
    database.parent.mkdir()
    os.chmod(database.parent, 0o777)
    return MigratingShop(tmp_path / "srv" / "shop", archive, database)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``ca``, a ``server`` that it says is localhost, a ``client``, and another CA, ``stranger``; each .crt and .key."""
    folder = tmp_path_factory.mktemp("certificates")
    authority = ec.generate_private_key(ec.SECP256R1())
    _certify(folder / "ca", authority, authority, name=AUTHORITY, is_authority=True)
    stranger = ec.generate_private_key(ec.SECP256R1())
    _certify(folder / "stranger", stranger, stranger, name="a stranger", is_authority=True)
    _certify(folder / "server", ec.generate_private_key(ec.SECP256R1()), authority, name="localhost")
    _certify(folder / "client", ec.generate_private_key(ec.SECP256R1()), authority, name="shop")
    return folder


def _certify(
    path: Path,
    key: ec.EllipticCurvePrivateKey,
    issuer: ec.EllipticCurvePrivateKey,
    *,
    name: str,
    is_authority: bool = False,
) -> None:
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
        .issuer_name(
            x509.Name(
                [x509.NameAttribute(x509.NameOID.COMMON_NAME, AUTHORITY if key is not issuer else name)]
            )
        )
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
        .add_extension(x509.KeyUsage(*[True] + [False] * 4 + [is_authority] * 2 + [False] * 2), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()), critical=False
        )
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(issuer, hashes.SHA256())
    )
    path.with_suffix(".crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    path.with_suffix(".key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    path.with_suffix(".key").chmod(0o600)
