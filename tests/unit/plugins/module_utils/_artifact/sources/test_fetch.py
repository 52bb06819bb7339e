# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources import Source, fetch, look_up
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

DATA = b"artifact" * 300_000
SHA256 = hashlib.sha256(DATA).hexdigest()
SHA512 = hashlib.sha512(DATA).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    seen: list[tuple[str, str, str | None]]

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.seen.append((self.command, self.path, self.headers["Authorization"]))
        if path in ("/redirect", "/to-file", "/to-ftp"):
            other = f"http://localhost:{self.server.server_port}/a"  # type: ignore[attr-defined]
            target = {"/redirect": other, "/to-file": "file:///etc/passwd", "/to-ftp": "ftp://localhost/a"}[
                path
            ]
            self.send_response(302)
            self.send_header("Location", target)
            self.end_headers()
            return
        if path not in ("/a", "/cut", "/no-head"):
            self.send_error(404)
            return
        if self.command == "HEAD" and path == "/no-head":
            self.send_error(405)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(DATA)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(DATA[:1000] if path == "/cut" else DATA)

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[tuple[str, list[tuple[str, str, str | None]]]]:
    """Its address, and the requests that it saw."""
    seen: list[tuple[str, str, str | None]] = []
    handler = type("Seeing", (Handler,), {"seen": seen})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as listening:
        listening.handle_error = lambda *arguments: None  # type: ignore[method-assign]  # clients may hang up
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        yield f"127.0.0.1:{listening.server_port}", seen
        listening.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "checksum", [f"sha256:{SHA256}", f"sha512:{SHA512}", f"sha256:{SHA256.upper()}", "unverified"]
)
def test_an_artifact_is_fetched_with_its_digests(server: Any, tmp_path: Path, checksum: str) -> None:
    artifact = Source(f"http://{server[0]}/a", checksum)
    artifact.validate()
    assert fetch(artifact, tmp_path / "a", len(DATA)) == {"sha256": SHA256, "sha512": SHA512}
    assert (tmp_path / "a").read_bytes() == DATA


def test_an_artifact_can_lie_on_the_host(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(DATA)
    artifact = Source(str(tmp_path / "source"), f"sha256:{SHA256}")
    artifact.validate()
    look_up(artifact)
    fetch(artifact, tmp_path / "a", len(DATA))
    assert (tmp_path / "a").read_bytes() == DATA


@pytest.mark.parametrize(
    ("path", "checksum", "limit", "why"),
    [
        ("/a", "sha256:" + "0" * 64, len(DATA), f"its checksum is sha256:{SHA256}, not sha256:0000"),
        ("/a", "unverified", len(DATA) - 1, "above the limit"),
        ("/cut", "unverified", len(DATA), "cut short"),
        ("/missing", "unverified", len(DATA), "answered 404"),
        ("/to-file", "unverified", len(DATA), "302"),
        ("/to-ftp", "unverified", len(DATA), "unknown url type: ftp"),
    ],
    ids=["checksum", "limit", "cut", "missing", "redirect to a file", "redirect to ftp"],
)
def test_what_is_not_the_artifact_is_an_error(
    server: Any, tmp_path: Path, path: str, checksum: str, limit: int, why: str
) -> None:
    with pytest.raises(StrataError, match=why):
        fetch(Source(f"http://{server[0]}{path}", checksum), tmp_path / "a", limit)


def test_credentials_are_sent_but_not_shown_nor_passed_on(server: Any, tmp_path: Path) -> None:
    address, seen = server
    basic = "Basic YW5uYTpzM2NyZXQh"
    fetch(
        Source(f"http://anna:s3cret%21@{address}/redirect?token=t0ken", "unverified"),
        tmp_path / "a",
        len(DATA),
    )
    assert seen == [("GET", "/redirect?token=t0ken", basic), ("GET", "/a", None)]
    missing = Source(f"http://anna:s3cret%21@{address}/missing?token=t0ken", "unverified")
    with pytest.raises(StrataError) as raised:
        look_up(missing)
    assert f"http://{address}/missing" in str(raised.value)
    assert "s3cret" not in str(raised.value)
    assert "t0ken" not in str(raised.value)


@pytest.mark.parametrize(("path", "methods"), [("/a", ["HEAD"]), ("/no-head", ["HEAD", "GET"])])
def test_looking_up_fetches_nothing(server: Any, path: str, methods: list[str]) -> None:
    look_up(Source(f"http://{server[0]}{path}", "unverified"))
    assert [method for method, _path, _authorization in server[1]] == methods


def test_a_server_that_is_not_there_is_an_error(free_port: int) -> None:
    with pytest.raises(StrataError, match="refused"):
        look_up(Source(f"http://127.0.0.1:{free_port}/a", "unverified"))


def test_a_host_that_cannot_be_a_name_is_an_error() -> None:
    with pytest.raises(StrataError, match=r"Fetching http://a\.\.b/c: .*label"):
        look_up(Source("http://a..b/c", "unverified"))


@pytest.mark.parametrize("use", [look_up, lambda artifact: fetch(artifact, Path("/nowhere"), 1)])
def test_a_file_that_is_not_there_is_an_error(tmp_path: Path, use: Callable[[Source], Any]) -> None:
    with pytest.raises(StrataError, match="No such file"):
        use(Source(str(tmp_path / "missing"), "unverified"))


@pytest.mark.parametrize(
    ("url", "checksum", "why"),
    [
        ("http://h/a", "", "neither sha256:HEX"),
        ("http://h/a", "sha256:", "neither sha256:HEX"),
        ("http://h/a", "sha256:" + "0" * 63, "neither sha256:HEX"),
        ("http://h/a", "sha256:" + "0" * 64 + "\n", "neither sha256:HEX"),
        ("http://h/a", "md5:" + "0" * 32, "neither sha256:HEX"),
        ("http://h/a", "0" * 64, "neither sha256:HEX"),
        ("http://h/a", "Unverified", "neither sha256:HEX"),
        ("http://h/a", "none", "neither sha256:HEX"),
        ("file:///etc/passwd", "unverified", "has none of these forms: an absolute path on the host"),
        ("ftp://h/a", "unverified", "has none of these forms: an absolute path on the host"),
        ("a.tar.gz", "unverified", "has none of these forms: an absolute path on the host"),
        ("", "unverified", "has none of these forms: an absolute path on the host"),
        ("http:///a", "unverified", "nor an absolute path"),
        ("http://h/größe.tar.gz", "unverified", "percent-encode"),
        ("http://h/a b.tar.gz", "unverified", "percent-encode"),
    ],
)
def test_bad_input_is_seen_before_any_request(url: str, checksum: str, why: str) -> None:
    with pytest.raises(StrataError, match=why):
        Source(url, checksum).validate()
