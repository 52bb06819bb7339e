# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Artifacts that the controller has to do with before a host has them: in S3, on a real S3 server, and handed over."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import io
import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import botocore.exceptions
import pytest
import yaml
from programs import need

ROOT = Path(__file__).resolve().parents[2]
WAIT = 60.0
SIGNED = "Check that they could be signed"
KEYS = {"access_key": "AKIDEXAMPLE", "secret_key": "hunter2-s3-secret"}


@dataclass
class Storage:
    """A bucket ``builds`` of a SeaweedFS server."""

    url: str

    def __post_init__(self) -> None:
        self.client = boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=KEYS["access_key"],
            aws_secret_access_key=KEYS["secret_key"],
        )

    def ready(self) -> bool:
        try:
            self.client.create_bucket(Bucket="builds")
            self.client.put_object(Bucket="builds", Key="probe", Body=b"")
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
            return False
        return True


def free_ports(count: int) -> list[int]:
    """Ports that are free, and whose number with 10000 more, which SeaweedFS takes too, is one."""
    found: list[int] = []
    with ExitStack() as stack:
        while len(found) < count:
            taken = stack.enter_context(socket.socket())
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
            if port < 55000:
                found.append(port)
    return found


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    folder = tmp_path_factory.mktemp("s3")
    identity = {
        "name": "builds",
        "credentials": [{"accessKey": KEYS["access_key"], "secretKey": KEYS["secret_key"]}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    ports = free_ports(4)
    options = {
        "-dir": folder,
        "-ip": "127.0.0.1",
        "-filer.localSocket": folder / "filer.sock",
        "-master.telemetry": "false",
        "-master.volumeSizeLimitMB": 16,
        "-volume.max": 8,
        "-s3.config": folder / "s3.json",
        "-s3.localSocket": folder / "s3.sock",
        "-s3.port.iceberg": 0,
        "-s3.port.lance": 0,
        **dict(zip(("-s3.port", "-master.port", "-volume.port", "-filer.port"), ports)),
    }
    command = [str(Path(sys.executable).parent / "weed"), "server", "-s3"]
    command += [f"{name}={value}" for name, value in options.items()]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log, cwd=folder) as server,
    ):
        try:
            found = Storage(f"http://127.0.0.1:{ports[0]}")
            deadline = time.monotonic() + WAIT
            while not found.ready():
                assert server.poll() is None, (folder / "log").read_text()[-2000:]
                assert time.monotonic() < deadline, (folder / "log").read_text()[-2000:]
                time.sleep(0.1)
            yield found
        finally:
            server.kill()
            server.wait()
            for port in ports:  # where it puts its sockets, whatever it is told
                for leftover in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                    leftover.unlink()
                for leftover in Path("/tmp").glob(f"seaweedfs-*-grpc-{port + 10000}.sock"):
                    leftover.unlink()


@dataclass
class Run:
    code: int
    output: str


def packed(name: str, content: bytes = b"print('2.0')\n") -> bytes:
    """An archive with one file."""
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archived = io.BytesIO()
    with tarfile.open(fileobj=archived, mode="w:gz") as archive:
        archive.addfile(member, io.BytesIO(content))
    return archived.getvalue()


MIGRATING = packed(
    "migrations/0001_orders.sql", b"-- migrate:up\nCREATE TABLE orders (id integer PRIMARY KEY);\n"
)


class Host:
    """A host without a service, on which artifacts are staged."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "srv"
        self.temporary = folder / "tmp"
        self.local = folder / "local"
        self.local.mkdir()
        self.artifact = packed("app.py")
        self.checksum = f"sha256:{hashlib.sha256(self.artifact).hexdigest()}"
        host = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "ansible_remote_tmp": str(self.temporary),
            "ansible_async_dir": str(folder / "async"),
            "artifact_root": str(self.root),
        }
        hosts = {"web1": host, "web2": {**host, "artifact_root": f"{self.root}2"}}
        (folder / "hosts.yml").write_text(yaml.safe_dump({"fleet": {"hosts": hosts}}))

    def play(self, *arguments: str, playbook: str = "playbooks/artifact.yml", **options: Any) -> Run:
        release = {
            "deployment_app": "shop",
            "deployment_state_dir": str(self.folder / "state"),
            "artifact_version": "2.0",
            "artifact_checksum": self.checksum,
            **options,
        }
        (self.folder / "release.yml").write_text(yaml.safe_dump(release))
        play = [playbook, "-e", f"@{self.folder / 'release.yml'}"]
        return self.run("ansible-playbook", *play, *arguments)

    def task(self, *arguments: str, **options: Any) -> Run:
        """The module alone, on one host."""
        asked = {
            "path": str(self.root),
            "version": "2.0",
            "state": "staged",
            "checksum": self.checksum,
            **options,
        }
        return self.run("ansible", "web1", "-m", "strata.deploy.release", "-a", json.dumps(asked), *arguments)

    def run(self, program: str, *arguments: str) -> Run:
        command = [str(Path(sys.executable).parent / program), "-i", str(self.folder / "hosts.yml")]
        command += arguments
        environment = {
            **os.environ,
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_LOCALHOST_WARNING": "0",
            "ANSIBLE_LOCAL_TEMP": str(self.local),
        }
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        return Run(done.returncode, " ".join((done.stdout + done.stderr).split()))

    @property
    def known(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.root / ".strata/state.json").read_text())
        return document["releases"]

    @property
    def staged(self) -> list[str]:
        folder = self.root / "releases"
        return sorted(each.name for each in folder.iterdir()) if folder.is_dir() else []


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def s3(storage: Storage, **changes: Any) -> dict[str, Any]:
    return {
        "artifact_url": "s3://builds/shop/shop-2.0.tar.gz",
        "artifact_s3": {"endpoint_url": storage.url, "region": "us-east-1", **KEYS, **changes},
    }


def test_an_artifact_in_s3_is_fetched_by_the_host_without_credentials(storage: Storage, host: Host) -> None:
    storage.client.put_object(Bucket="builds", Key="shop/shop-2.0.tar.gz", Body=host.artifact)
    check = host.play("--check", **s3(storage))
    assert (check.code, host.staged) == (0, []), check.output
    done = host.play("-vvv", "--diff", **s3(storage))
    assert (done.code, host.staged) == (0, ["2.0"]), done.output
    known = (host.root / ".strata/state.json").read_text()
    assert "builds/shop/shop-2.0.tar.gz" in known
    for text in (done.output, known):
        assert KEYS["secret_key"] not in text
        assert "Signature" not in text


def test_its_list_of_checksums_and_its_signature_may_lie_in_s3_too(storage: Storage, host: Host) -> None:
    need("ssh-keygen")
    archive, key = host.folder / "shop-2.0.tar.gz", host.folder / "key"
    archive.write_bytes(host.artifact)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-f", key, "-n", "file", archive], check=True)
    listed = f"{host.checksum[7:]}  shop-2.0.tar.gz\n".encode()
    signed = Path(f"{archive}.sig").read_bytes()
    for name, body in (("shop-2.0.tar.gz", host.artifact), ("SUMS", listed), ("shop-2.0.tar.gz.sig", signed)):
        storage.client.put_object(Bucket="builds", Key=f"shop/{name}", Body=body)
    signature = {"format": "ssh", "key": key.with_suffix(".pub").read_text()}
    options = {**s3(storage), "artifact_checksum": "s3://builds/shop/SUMS", "artifact_signature": signature}
    unknown = host.play(**options)
    assert unknown.code != 0
    assert "set its url (artifact_signature)" in unknown.output
    assert not host.root.exists()
    signature["url"] = "s3://builds/shop/shop-2.0.tar.gz.sig"
    done = host.play("-vvv", **options)
    assert (done.code, host.staged) == (0, ["2.0"]), done.output
    assert host.known["2.0"]["checksum"] == host.checksum
    assert "Signature=" not in done.output
    storage.client.put_object(Bucket="builds", Key="shop/shop-2.0.tar.gz.sig", Body=b"none")
    refused = host.play(**{**options, "artifact_version": "2.1"})
    assert "Verifying the signature of" in refused.output
    assert host.staged == ["2.0"]


@pytest.mark.parametrize("second", ["s3", "a server"])
def test_each_of_two_artifacts_in_one_run_is_fetched_from_where_it_lies(
    storage: Storage, host: Host, served: tuple[str, list[str]], second: str
) -> None:
    storage.client.put_object(Bucket="builds", Key="other.tar.gz", Body=packed("other.py"))
    storage.client.put_object(Bucket="builds", Key="shop/shop-2.0.tar.gz", Body=host.artifact)
    options = s3(storage)
    url = options["artifact_url"] if second == "s3" else served[0]
    stage = {"name": "strata.deploy.artifact", "tasks_from": "stage"}
    shared = {"artifact_version": "2.0", "artifact_s3": options["artifact_s3"]}
    first = {
        "artifact_url": "s3://builds/other.tar.gz",
        "artifact_checksum": "unverified",
        "artifact_root": f"{host.root}-other",
    }
    play = {
        "hosts": "web1",
        "gather_facts": False,
        "vars": shared,
        "tasks": [
            {"ansible.builtin.include_role": stage, "vars": first},
            {
                "ansible.builtin.include_role": stage,
                "vars": {"artifact_url": url, "artifact_checksum": "unverified"},
            },
        ],
    }
    (host.folder / "play.yml").write_text(yaml.safe_dump([play]))
    done = host.run("ansible-playbook", str(host.folder / "play.yml"))
    assert (done.code, host.staged) == (0, ["2.0"]), done.output
    assert (host.root / "releases/2.0/app.py").exists()


def test_migrations_come_from_the_same_artifact_in_s3(storage: Storage, host: Host) -> None:
    checksum = hashlib.sha256(MIGRATING).hexdigest()
    storage.client.put_object(Bucket="builds", Key="shop/shop-2.0.tar.gz", Body=MIGRATING)
    storage.client.put_object(
        Bucket="builds", Key="shop/SUMS", Body=f"{checksum}  shop-2.0.tar.gz\n".encode()
    )
    database = host.folder / "shop.db"
    done = host.play(
        "-vvv",
        playbook="playbooks/database.yml",
        deploy_db_group="fleet",
        db_migrate_url=f"sqlite:///{database}",
        **{**s3(storage), "artifact_checksum": "s3://builds/shop/SUMS"},
    )
    assert done.code == 0, done.output
    assert "Signature=" not in done.output
    with sqlite3.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (0,)


def test_what_needs_no_artifact_signs_none(storage: Storage, host: Host) -> None:
    options = {**s3(storage, endpoint_url="http://127.0.0.1:1"), "artifact_version": "2.0"}
    options["feature_flag_features"] = [{"name": "new-checkout"}]
    flags = host.folder / "flags.json"
    flags.write_text('{"flags": {}}')
    options.update(feature_flag_path=str(flags), feature_flag_record=str(host.folder / "former"))
    run = host.play(playbook="playbooks/feature.yml", **options)
    assert (ROOT / "roles/artifact/tasks/sign_s3.yml").read_text().count(f"- name: {SIGNED}\n") == 1
    assert SIGNED not in run.output
    assert (run.code, "new-checkout" in flags.read_text()) == (0, True), run.output


@pytest.mark.parametrize(
    ("changes", "url", "why"),
    [
        ({}, "s3://builds/shop/none.tar.gz", "none.tar.gz does not exist"),
        (
            {"secret_key": "hunter2-wrong"},
            "s3://builds/shop/shop-2.0.tar.gz",
            "Signing s3://builds/shop/shop-2.0.tar.gz",
        ),
        (
            {"endpoint_url": "http://127.0.0.1:1"},
            "s3://builds/shop/shop-2.0.tar.gz",
            "Failed while looking up bucket",
        ),
    ],
    ids=["no such key", "wrong credentials", "no server"],
)
def test_what_cannot_be_signed_is_told_before_anything_changes(
    storage: Storage, host: Host, changes: dict[str, Any], url: str, why: str
) -> None:
    run = host.play(**{**s3(storage, **changes), "artifact_url": url})
    assert run.code != 0
    assert why in run.output
    assert "hunter2" not in run.output
    assert not host.root.exists()


@pytest.fixture
def served(host: Host) -> Iterator[tuple[str, list[str]]]:
    """The artifact's URL on a web server, and the methods that it was asked for with."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            asked.append(self.command)
            self.send_response(200)
            self.send_header("Content-Length", str(len(host.artifact)))
            self.end_headers()

        def do_GET(self) -> None:
            self.do_HEAD()
            self.wfile.write(host.artifact)

        def log_message(self, *arguments: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/shop-2.0.tar.gz", asked
        server.shutdown()


def test_the_controller_fetches_once_for_all_hosts_and_hands_over_what_they_lack(
    host: Host, served: tuple[str, list[str]]
) -> None:
    url, asked = served
    options = {"artifact_url": url, "artifact_fetch": "controller"}
    assert host.play("--check", **options).code == 0
    assert (set(asked), host.staged) == ({"HEAD"}, [])
    asked.clear()
    done = host.play(**options)
    assert (done.code, host.staged) == (0, ["2.0"]), done.output
    assert asked == ["GET"]
    assert (Path(f"{host.root}2") / "releases/2.0/app.py").read_bytes() == b"print('2.0')\n"
    assert host.known["2.0"]["origin"] == url
    assert not list(host.temporary.iterdir())
    asked.clear()
    again = host.play(**options)
    assert (again.code, asked) == (0, [])
    assert re.search(r"web1 : ok=\d+ changed=0 ", again.output)
    (host.root / "releases/2.0/app.py").unlink()
    (host.root / "releases/2.0").rmdir()
    healed = host.play(**options)
    assert (healed.code, host.staged, asked) == (0, ["2.0"], ["GET"]), healed.output


def test_a_digest_in_the_url_tells_builds_apart_that_are_handed_over(host: Host) -> None:
    files: dict[str, bytes] = {}
    digests = []
    for name in ("app.py", "other.py"):
        body = packed(name)
        layer = {"digest": f"sha256:{hashlib.sha256(body).hexdigest()}", "size": len(body)}
        manifest = json.dumps({"layers": [layer]}).encode()
        digests.append(f"sha256:{hashlib.sha256(manifest).hexdigest()}")
        files[f"/v2/shop/blobs/{layer['digest']}"] = body
        files[f"/v2/shop/manifests/{digests[-1]}"] = manifest

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(files[self.path])))
            self.end_headers()
            self.wfile.write(files[self.path])

        def log_message(self, *arguments: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for number, (digest, changed) in enumerate(((0, True), (0, False), (1, True))):
            url = f"oci://127.0.0.1:{server.server_port}/shop@{digests[digest]}"
            done = host.task(url=url, checksum="unverified", fetch="controller")
            assert (number, done.code, f"changed: {changed}".lower() in done.output) == (number, 0, True), (
                done.output
            )
        server.shutdown()
    assert (host.root / "releases/2.0/other.py").exists()


@pytest.fixture
def here() -> Iterator[Path]:
    """A folder below the one that the playbooks are run in: files of the controller lie there."""
    (ROOT / ".cache").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / ".cache") as folder:
        yield Path(folder)


def test_a_file_on_the_controller_is_handed_over(host: Host, here: Path) -> None:
    archive = here / "shop-2.0.tar.gz"
    archive.write_bytes(host.artifact)
    done = host.play(artifact_url=os.path.relpath(archive, ROOT))
    assert (done.code, host.staged) == (0, ["2.0"]), done.output
    assert host.known["2.0"]["origin"] == str(archive)
    archive.unlink()
    for arguments in ((), ("--check",)):
        again = host.play(*arguments, artifact_url=os.path.relpath(archive, ROOT))
        assert again.code == 0, again.output
        assert re.search(r"web1 : ok=\d+ changed=0 ", again.output), again.output
    assert list(host.local.iterdir()) == []


def test_the_migrating_host_is_handed_a_file_on_the_controller_too(host: Host, here: Path) -> None:
    archive = here / "shop-2.0.tar.gz"
    archive.write_bytes(MIGRATING)
    database = host.folder / "shop.db"
    options = {
        "playbook": "playbooks/database.yml",
        "deploy_db_group": "fleet",
        "artifact_url": os.path.relpath(archive, ROOT),
        "artifact_checksum": f"sha256:{hashlib.sha256(MIGRATING).hexdigest()}",
        "db_migrate_url": f"sqlite:///{database}",
    }
    planned = host.play("--check", **options)
    assert (planned.code, database.exists()) == (0, False), planned.output
    assert "0001_orders" in planned.output
    done = host.play(**options)
    assert done.code == 0, done.output
    with contextlib.closing(sqlite3.connect(database)) as shop:
        assert shop.execute("SELECT * FROM orders").fetchall() == []
    archive.unlink()
    missing = host.play(**options)
    assert missing.code != 0
    assert f"On the controller: There is no file {archive}" in missing.output


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"artifact_url": "dist/none.tar.gz"}, "On the controller: There is no file"),
        ({"artifact_checksum": f"sha256:{'0' * 64}"}, "its checksum is sha256:"),
        ({"artifact_max_bytes": 10}, "above the limit of 10 bytes"),
    ],
    ids=["no file", "another checksum", "too large"],
)
def test_what_the_controller_cannot_hand_over_is_told_by_it(
    host: Host, here: Path, options: dict[str, Any], why: str
) -> None:
    archive = here / "shop-2.0.tar.gz"
    archive.write_bytes(host.artifact)
    run = host.play(**{"artifact_url": os.path.relpath(archive, ROOT), **options})
    assert run.code != 0
    assert why in run.output
    assert host.staged == []


def test_a_host_that_fetches_itself_needs_no_folder_for_what_is_handed_over(
    host: Host, served: tuple[str, list[str]]
) -> None:
    done = host.play(artifact_url=served[0])
    assert (done.code, host.staged) == (0, ["2.0"]), done.output
    assert not host.temporary.exists()


def test_a_task_may_be_async_where_the_host_fetches(host: Host, served: tuple[str, list[str]]) -> None:
    url, _asked = served
    refused = host.task("-B", "60", "-P", "1", url=url, fetch="controller")
    assert "a task cannot be async" in refused.output
    assert not host.root.exists()
    done = host.task("-B", "60", "-P", "1", url=url)
    assert (done.code, host.staged) == (0, ["2.0"]), done.output
