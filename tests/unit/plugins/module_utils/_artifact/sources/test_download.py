# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources import (
    Access,
    Download,
    Source,
    fetch,
    look_up,
    opened,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

LIMIT = 100_000_000
WRONG = "sha256:" + "0" * 64


def digests(data: bytes) -> dict[str, str]:
    return {"sha256": hashlib.sha256(data).hexdigest(), "sha512": hashlib.sha512(data).hexdigest()}


def unpack(download: Download) -> None:
    """What cannot read the stream."""
    while download.read(1_000_000):
        pass
    raise StrataError("not an intact tar.gz")


def test_a_stream_is_read_to_its_end_by_verifying_it(web: Any, tmp_path: Path) -> None:
    data = web.files["/a"]
    with opened(Source(web.url(), f"sha512:{digests(data)['sha512']}"), tmp_path, LIMIT) as download:
        assert download.read(100) == data[:100]
        assert download.verify() == digests(data)
        assert download.read(100) == b""
    assert list(tmp_path.iterdir()) == []


def test_leaving_the_block_verifies(web: Any, tmp_path: Path) -> None:
    with (
        pytest.raises(StrataError, match="its checksum is sha256:"),
        opened(Source(web.url(), WRONG), tmp_path, LIMIT) as download,
    ):
        download.read(100)


def test_a_wrong_checksum_is_said_before_what_came_of_it(web: Any, tmp_path: Path) -> None:
    with (
        pytest.raises(StrataError, match=r"its checksum is sha256:.*not sha256:000"),
        opened(Source(web.url(), WRONG), tmp_path, LIMIT) as download,
    ):
        unpack(download)


def test_what_came_of_the_right_bytes_is_said_as_it_is(web: Any, tmp_path: Path) -> None:
    with (
        pytest.raises(StrataError, match="hostile"),
        opened(Source(web.url(), "sha256:" + digests(web.files["/a"])["sha256"]), tmp_path, LIMIT),
    ):
        raise StrataError("hostile")


def test_a_download_that_failed_is_not_begun_again_to_verify_it(web: Any, tmp_path: Path) -> None:
    web.cuts = [10, 10]
    source = Source(web.url(), WRONG, Access(retries=0))
    with pytest.raises(StrataError, match="cut short"), opened(source, tmp_path, LIMIT) as download:
        unpack(download)
    assert len(web.seen) == 1


def test_the_limit_is_one_of_what_is_read(web: Any, tmp_path: Path) -> None:
    with (
        pytest.raises(StrataError, match="above the limit of 1000 bytes"),
        opened(Source(web.url(), WRONG), tmp_path, 1000) as download,
    ):
        download.read(2000)


@pytest.mark.parametrize("name", ["SHA256SUMS", "SHA512SUMS"])
@pytest.mark.parametrize("place", ["server", "host"])
def test_a_list_of_checksums_is_read_once(web: Any, tmp_path: Path, name: str, place: str) -> None:
    algorithm = name[:6].lower()
    text = f"{digests(web.files['/a'])[algorithm]}  dist/a\n{'1' * 64}  b\n".encode()
    web.files[f"/{name}"] = text
    (tmp_path / name).write_bytes(text)
    source = Source(web.url(), web.url(f"/{name}?s3cret") if place == "server" else str(tmp_path / name))
    source.validate()
    found = fetch(source, tmp_path / "got", LIMIT)
    assert found == digests(web.files["/a"])
    assert source.matches(found)
    assert not source.matches({algorithm: "0"})
    assert source.recorded == f"{algorithm}:{found[algorithm]}"
    assert [path for _method, path, _headers in web.seen] == ([f"/{name}"] if place == "server" else []) + [
        "/a"
    ]


def test_an_artifact_that_the_list_says_otherwise_of_is_refused(web: Any, tmp_path: Path) -> None:
    web.files["/SHA256SUMS"] = f"{'1' * 64}  a\n".encode()
    with pytest.raises(StrataError, match=f"its checksum is sha256:.*, not sha256:{'1' * 64}"):
        fetch(Source(web.url(), web.url("/SHA256SUMS")), tmp_path / "got", LIMIT)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "no SHA-256 or SHA-512 for a file 'a'"),
        (b"#" * 2_000_000, "above 1048576 bytes"),
        (None, "answered 404"),
    ],
)
def test_without_its_line_in_the_list_nothing_is_fetched(
    web: Any, tmp_path: Path, text: bytes | None, why: str
) -> None:
    if text is not None:
        web.files["/SHA256SUMS"] = text
    source = Source(web.url(), web.url("/SHA256SUMS"))
    for use in (lambda: fetch(source, tmp_path / "got", LIMIT), lambda: look_up(source)):
        with pytest.raises(StrataError, match=why):
            use()
    assert "/a" not in [path for _method, path, _headers in web.seen]


def test_a_list_on_another_server_gets_no_secrets(web: Any, serve: Any, tmp_path: Path) -> None:
    line = f"{digests(web.files['/a'])['sha256']}  a\n".encode()
    other = serve(files={"/S": line})
    web.files["/S"] = line
    access = Access(headers={"X-Token": "t0ken"}, username="anna", password="s3cret")
    for at in (other, web):
        look_up(Source(web.url(), at.url("/S"), access))
    assert {"x-token", "authorization"}.isdisjoint(other.seen[0][2])
    assert all({"x-token", "authorization"} <= set(headers) for _method, _path, headers in web.seen)


def test_a_path_names_its_file(tmp_path: Path) -> None:
    (tmp_path / "shop 2.0.tar.gz").write_bytes(b"shop")
    (tmp_path / "SHA256SUMS").write_text(f"{digests(b'shop')['sha256']} *shop 2.0.tar.gz\n")
    source = Source(str(tmp_path / "shop 2.0.tar.gz"), str(tmp_path / "SHA256SUMS"))
    source.validate()
    assert fetch(source, tmp_path / "got", LIMIT) == digests(b"shop")


@pytest.mark.parametrize(
    ("url", "checksum", "why"),
    [
        ("http://h/a", "http:///SHA256SUMS", "artifact 'http:///SHA256SUMS' is not"),
        ("http://h/", "http://h/SHA256SUMS", "names no file"),
        ("oci://h/a:1", "http://h/SHA256SUMS", "names no file"),
        ("http://h/a", "ftp://h/SHA256SUMS", "neither sha256:HEX"),
        ("http://h/a", "SHA256SUMS", "neither sha256:HEX"),
    ],
)
def test_a_list_that_cannot_be_one_is_refused(url: str, checksum: str, why: str) -> None:
    with pytest.raises(StrataError, match=why):
        Source(url, checksum).validate()
