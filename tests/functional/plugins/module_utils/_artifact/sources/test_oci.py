# SPDX-License-Identifier: GPL-3.0-or-later
"""Artifacts in a real registry, Debian's docker-registry; only the server of tokens is one of the tests' own."""

from __future__ import annotations

import base64
import contextlib
import http.server
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from fixtures.oci import DOCKER, LIMIT, OCI, descriptor, digest, get, manifest
from programs import need

from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources import (
    Source,
    fetch,
    look_up,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

INDEX = "application/vnd.oci.image.index.v1+json"
SHOP, DOCS = b"shop" * 300_000, b"docs" * 1000
PASSWORD = "s3cret:/@"
HTPASSWD = "anna:$2b$04$/6VEJK0RQUJd/53Qv2ICf.1b9/m8uyZrY0KmoIXCkP7gU7CA/G1CK\n"


ONE = manifest(descriptor(SHOP))
TWO = manifest(descriptor(SHOP, "shop 2.0.tar.gz"), descriptor(DOCS, "docs.tar.gz"))
OLD = manifest(descriptor(SHOP), kind=DOCKER)


class Registry:
    """A registry's storage, and processes that serve it."""

    def __init__(self, folder: Path, program: str, account: dict[str, Any]) -> None:
        self.folder, self._program, self._account = folder, program, account
        if account:
            shutil.chown(folder, account["user"], account["group"])

    def blob(self, of: str) -> Path:
        value = of.partition(":")[2]
        return self.folder / "data/docker/registry/v2/blobs/sha256" / value[:2] / value / "data"

    @contextlib.contextmanager
    def serving(self, host: str = "localhost", auth: Any = None, tls: Any = None) -> Iterator[str]:
        """Serve it until the block ends; the registry's HOST:PORT."""
        address = "127.0.0.1" if host == "localhost" else host
        with socket.socket() as probe:
            probe.bind((address, 0))
            port = probe.getsockname()[1]
        configuration = self.folder / f"{port}.yml"
        # JSON is YAML.
        configuration.write_text(
            json.dumps(
                {
                    "version": 0.1,
                    "storage": {
                        "filesystem": {"rootdirectory": str(self.folder / "data")},
                        "cache": {},
                        "maintenance": {"uploadpurging": {"enabled": False}},
                    },
                    "http": {"addr": f"{address}:{port}", **({"tls": tls} if tls else {})},
                    **({"auth": auth} if auth else {}),
                }
            )
        )
        configuration.chmod(0o644)
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [self._program, "serve", str(configuration)],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={"PATH": os.environ["PATH"]},
                **self._account,
            )
        try:
            deadline = time.monotonic() + 20
            while not _listens(address, port):
                assert process.poll() is None, (self.folder / "log").read_text()
                assert time.monotonic() < deadline, "the registry did not start"
                time.sleep(0.02)
            yield f"{host}:{port}"
        finally:
            process.terminate()
            process.wait(20)


def _listens(address: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((address, port), 1):
        return True
    return False


def _push(address: str, name: str, blobs: list[bytes], manifests: dict[str, bytes]) -> None:
    base = f"http://{address}/v2/{name}"
    for blob in blobs:
        asked = urllib.request.Request(f"{base}/blobs/uploads/", method="POST", data=b"")
        with urllib.request.urlopen(asked) as answer:
            place = answer.headers["Location"]
        whole = f"{place}&digest={digest(blob)}"
        urllib.request.urlopen(
            urllib.request.Request(
                whole, method="PUT", data=blob, headers={"Content-Type": "application/octet-stream"}
            )
        ).close()
    for reference, text in manifests.items():
        kind = {"Content-Type": json.loads(text)["mediaType"]}
        urllib.request.urlopen(
            urllib.request.Request(f"{base}/manifests/{reference}", method="PUT", data=text, headers=kind)
        ).close()


@pytest.fixture(scope="module")
def storage(unprivileged: dict[str, Any]) -> Iterator[Registry]:
    [program] = need("docker-registry")
    folder = Path(tempfile.mkdtemp(prefix="strata-registry-"))
    folder.chmod(0o755)
    try:
        registry = Registry(folder, program, unprivileged)
        with registry.serving() as address:
            manifests = {"one": ONE, "two": TWO, "old": OLD, "latest": ONE}
            _push(address, "team/shop", [b"{}", SHOP, DOCS], manifests)
            listed = {"mediaType": OCI, "digest": digest(ONE), "size": len(ONE)}
            index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [listed]}
            _push(address, "team/shop", [], {"index": json.dumps(index).encode()})
        yield registry
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def registry(storage: Registry) -> Iterator[str]:
    with storage.serving() as address:
        yield address


@pytest.mark.parametrize(
    ("reference", "data"),
    [
        (":one", SHOP),
        ("", SHOP),
        (":old", SHOP),
        (f"@{digest(ONE)}", SHOP),
        (f":old@{digest(ONE)}", SHOP),
        (":two#docs.tar.gz", DOCS),
        (":two#shop%202.0.tar.gz", SHOP),
    ],
    ids=["tag", "latest", "Docker's manifest", "digest", "tag and digest", "title", "encoded title"],
)
def test_an_artifact_comes_from_a_registry(
    registry: str, tmp_path: Path, reference: str, data: bytes
) -> None:
    assert get(f"oci://{registry}/team/shop{reference}", tmp_path) == data
    assert get(f"oci://{registry}/team/shop{reference}", tmp_path, digest(data, "sha512")) == data


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        (":none", "answered 404"),
        (f"@sha256:{'0' * 64}", "answered 404"),
        (
            ":two",
            r"has 2 files \(docs\.tar\.gz, shop 2\.0\.tar\.gz\), and which is meant is not said: add #TITLE",
        ),
        (":two#none", r"and none is 'none'"),
        (":one#none", r"has 1 files \(none with a title\), and none is 'none'"),
        (":index", "index of several manifests"),
    ],
)
def test_what_is_not_one_file_is_an_error(registry: str, tmp_path: Path, reference: str, why: str) -> None:
    source = Source(f"oci://{registry}/team/shop{reference}", "unverified")
    for use in (lambda: look_up(source), lambda: fetch(source, tmp_path / "got", LIMIT)):
        with pytest.raises(StrataError, match=why):
            use()


def test_the_checksum_is_compared_too(registry: str, tmp_path: Path) -> None:
    with pytest.raises(StrataError, match=f"its checksum is {digest(SHOP)}, not {digest(DOCS)}"):
        get(f"oci://{registry}/team/shop:one", tmp_path, digest(DOCS))


def test_a_title_has_its_line_in_a_list_of_checksums(registry: str, tmp_path: Path) -> None:
    (tmp_path / "SHA256SUMS").write_text(f"{digest(DOCS)[7:]}  docs.tar.gz\n")
    assert get(f"oci://{registry}/team/shop:two#docs.tar.gz", tmp_path, str(tmp_path / "SHA256SUMS")) == DOCS


@pytest.mark.parametrize("of", [SHOP, ONE], ids=["layer", "manifest"])
def test_what_a_registry_holds_wrong_is_seen(
    storage: Registry, registry: str, tmp_path: Path, of: bytes
) -> None:
    path = storage.blob(digest(of))
    wrong = of.replace(b"shop", b"shoP", 1) if of is SHOP else of.replace(b" ", b"\t", 1)
    path.write_bytes(wrong)
    try:
        with pytest.raises(StrataError, match=r"its (checksum|manifest) is sha256:\w+, not sha256:"):
            get(f"oci://{registry}/team/shop@{digest(ONE)}", tmp_path)
    finally:
        path.write_bytes(of)


def test_a_digest_tells_builds_apart_without_a_checksum(registry: str, tmp_path: Path) -> None:
    by_digest = Source(f"oci://{registry}/team/shop@{digest(ONE)}", "unverified")
    known = fetch(by_digest, tmp_path / "got", LIMIT)
    assert known["manifest"] == digest(ONE)
    assert by_digest.matches(known)
    assert not Source(f"oci://{registry}/team/shop@{digest(TWO)}#x", "unverified").matches(known)
    assert Source(f"oci://{registry}/team/shop:two#x", "unverified").matches(known)


def test_basic_authentication(storage: Registry, tmp_path: Path) -> None:
    users = storage.folder / "htpasswd"
    users.write_text(HTPASSWD)
    users.chmod(0o644)
    with storage.serving(auth={"htpasswd": {"realm": "shop", "path": str(users)}}) as address:
        url = f"oci://{address}/team/shop:one"
        with pytest.raises(StrataError, match="answered 401"):
            get(url, tmp_path)
        with pytest.raises(StrataError, match="answered 401") as raised:
            get(url, tmp_path, username="anna", password="wr0ng")
        assert "wr0ng" not in str(raised.value)
        assert get(url, tmp_path, username="anna", password=PASSWORD) == SHOP
        assert get(f"oci://anna:s3cret%3A%2F%40@{address}/team/shop:one", tmp_path) == SHOP


@pytest.fixture
def tokens(certificates: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A server of the tests' own that gives the registry's tokens; its URL, and what it was asked."""
    asked: list[dict[str, Any]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = {name: value[0] for name, value in parse_qs(urlsplit(self.path).query).items()}
            asked.append({**query, "headers": {name.lower(): value for name, value in self.headers.items()}})
            right = base64.b64encode(f"anna:{PASSWORD}".encode()).decode()
            self.send_response(200 if self.headers["Authorization"] == f"Basic {right}" else 401)
            self.end_headers()
            kind, name, actions = query["scope"].split(":")
            access = [{"type": kind, "name": name, "actions": actions.split(",")}]
            self.wfile.write(json.dumps({"token": _token(certificates, query["service"], access)}).encode())

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://localhost:{listening.server_port}/token", asked
        listening.shutdown()
        thread.join()


def _token(certificates: Path, service: str, access: list[dict[str, Any]]) -> str:
    pem = (certificates / "client.crt").read_text().strip().splitlines()
    key: Any = serialization.load_pem_private_key((certificates / "client.key").read_bytes(), None)
    now = int(time.time())
    claims = {"iss": "tests", "sub": "anna", "aud": service, "nbf": now - 60, "iat": now, "exp": now + 60}
    parts = (
        {"typ": "JWT", "alg": "ES256", "x5c": ["".join(pem[1:-1])]},
        {**claims, "jti": "1", "access": access},
    )
    text = ".".join(_encoded(json.dumps(part).encode()) for part in parts)
    r, s = utils.decode_dss_signature(key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{text}.{_encoded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def test_a_token_is_asked_for(storage: Registry, tokens: Any, certificates: Path, tmp_path: Path) -> None:
    realm, asked = tokens
    bundle = storage.folder / "ca.crt"
    shutil.copy(certificates / "ca.crt", bundle)
    bundle.chmod(0o644)
    auth = {"realm": realm, "service": "the shop's", "issuer": "tests", "rootcertbundle": str(bundle)}
    with storage.serving(auth={"token": auth}) as address:
        url = f"oci://{address}/team/shop:one"
        secret = {"X-Registry": "for it alone"}
        assert get(url, tmp_path, username="anna", password=PASSWORD, headers=secret) == SHOP
        assert asked[0]["service"] == "the shop's"
        assert asked[0]["scope"] == "repository:team/shop:pull"
        assert "x-registry" not in asked[0]["headers"]
        with pytest.raises(StrataError, match="answered 401"):
            get(url, tmp_path, username="anna", password="wrong")
        with pytest.raises(StrataError, match="answered 401"):
            get(url, tmp_path)


def test_another_host_than_this_is_asked_by_tls(
    storage: Registry, certificates: Path, tmp_path: Path, tokens: Any
) -> None:
    tls = {}
    for name in ("server.crt", "server.key"):
        shutil.copy(certificates / name, storage.folder)
        (storage.folder / name).chmod(0o644)
        tls[{"crt": "certificate", "key": "key"}[name[-3:]]] = str(storage.folder / name)
    with storage.serving("127.0.0.2", tls=tls) as address:
        assert get(f"oci://{address}/team/shop:one", tmp_path, validate_certs=False) == SHOP
        with pytest.raises(StrataError, match="certificate verify failed"):
            get(f"oci://{address}/team/shop:one", tmp_path)
    with storage.serving("127.0.0.2") as address:
        with pytest.raises(StrataError, match=f"Fetching oci://{address}/team/shop:one: .*SSL"):
            get(f"oci://{address}/team/shop:one", tmp_path)
        assert get(f"oci://{address}/team/shop:one", tmp_path, plain_http=True) == SHOP
