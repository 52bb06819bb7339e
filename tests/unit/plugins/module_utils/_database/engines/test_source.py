# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading migrations from a folder and from a verified archive."""

from __future__ import annotations

import base64
import errno
import gzip
import hashlib
import http.server
import io
import tarfile
import tempfile
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Callable

import pytest
from archives import file, zipped

from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources import Source
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.engines import source
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.source import read_source

UP = b"-- migrate:up\nSELECT 1;\n"
ACCOUNT = "Basic " + base64.b64encode(b"reader:p@ss").decode()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "shop.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name in (
            "./db/2_b.sql",
            "db/1_a.sql",
            "db/README.md",
            "db/old/0_x.sql",
            "app.py",
            "other/3_c.sql",
        ):
            member = tarfile.TarInfo(name)
            member.size = len(UP)
            tar.addfile(member, io.BytesIO(UP))
        link = tarfile.TarInfo("links/1_a.sql")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    return path


@pytest.fixture
def server(archive: Path) -> Iterator[str]:
    """The archive behind HTTP basic authentication; the address has the account in it."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status = 200 if self.headers.get("Authorization") == ACCOUNT else 401
            self.send_response(404 if "absent" in self.path else status)
            self.end_headers()
            if status == 200:
                self.wfile.write(archive.read_bytes())

        def log_message(self, *_arguments: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
        thread.start()
        yield f"reader:p%40ss@127.0.0.1:{httpd.server_port}"
        httpd.shutdown()
        thread.join()


def checksum(path: Path, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, path.read_bytes()).hexdigest()}"


def unfinished(content: bytes) -> bytes:
    """The beginning of a gzip file that goes on after ``content``."""
    packer = zlib.compressobj(wbits=31)
    return packer.compress(content) + packer.flush(zlib.Z_SYNC_FLUSH)


def test_a_folder_gives_its_sql_files_and_no_others(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    for name in ("2_b.sql", "1_a.sql", "README.md", "old/0_x.sql"):
        (tmp_path / name).write_bytes(UP)
    assert [item.name for item in read_source(str(tmp_path))] == ["1_a.sql", "2_b.sql"]


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_an_archive_gives_the_files_of_the_folder_alone(archive: Path, algorithm: str) -> None:
    migrations = read_source("db/", Source(str(archive), checksum(archive, algorithm)))
    assert [item.name for item in migrations] == ["1_a.sql", "2_b.sql"]


def test_a_checksum_is_waived_by_name(archive: Path) -> None:
    assert len(read_source("db", Source(str(archive), "unverified"))) == 2


def test_an_archive_is_fetched_with_its_account(archive: Path, server: str) -> None:
    migrations = read_source("db", Source(f"http://{server}/shop.tar.gz", checksum(archive)))
    assert [item.name for item in migrations] == ["1_a.sql", "2_b.sql"]


@pytest.mark.parametrize("path", ["absent?signature=s3cret", "shop.tar.gz?signature=s3cret"])
def test_a_failed_download_shows_neither_account_nor_query(server: str, path: str) -> None:
    url = f"http://{server}/{path}".replace("p%40ss", "s3cret" if "shop" in path else "p%40ss")
    with pytest.raises(
        StrataError, match=r"Fetching http://127\.0\.0\.1:\d+/\S+: the server answered 40[14]"
    ) as caught:
        read_source("db", Source(url, "unverified"))
    assert "s3cret" not in str(caught.value)
    assert "p%40ss" not in str(caught.value)


def test_another_file_than_the_released_one_is_refused(archive: Path) -> None:
    with pytest.raises(
        StrataError, match=r"shop\.tar\.gz: its checksum is sha256:[0-9a-f]{64}, not sha256:0{64}"
    ):
        read_source("db", Source(str(archive), "sha256:" + "0" * 64))


@pytest.mark.parametrize("checksum", ["", "md5:00", "sha256:", "00"])
def test_a_checksum_of_no_known_form_is_refused(archive: Path, checksum: str) -> None:
    with pytest.raises(StrataError, match="neither sha256:HEX nor sha512:HEX"):
        read_source("db", Source(str(archive), checksum))


@pytest.mark.parametrize(
    ("folder", "message"),
    [
        ("none", "has no folder 'none'"),
        ("../db", "must be relative, within the archive"),
        ("/db", "must be relative, within the archive"),
        ("links", "'links/1_a.sql' in the archive .* is not a file"),
    ],
)
def test_a_folder_that_cannot_be_meant_is_refused(archive: Path, folder: str, message: str) -> None:
    with pytest.raises(StrataError, match=message):
        read_source(folder, Source(str(archive), "unverified"))


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    text = tmp_path / "text.tar.gz"
    text.write_text("no archive")
    for folder, archive, message in (
        ("relative/folder", None, "is not absolute"),
        (str(tmp_path / "absent"), None, "No such file or directory"),
        ("db", str(tmp_path / "absent.tar.gz"), "No such file or directory"),
        ("db", str(text), "is not an intact archive"),
    ):
        with pytest.raises(StrataError, match=message):
            read_source(folder, Source(archive, "unverified") if archive else None)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-20],
        lambda data: data[:-8] + b"\0\0\0\0" + data[-4:],  # the checksum
        lambda data: unfinished(gzip.decompress(data) + bytes(100_000)) + b"\xff" * 40,
        lambda data: b"",
        lambda data: gzip.compress(b"no tar archive" * 100),
    ],
    ids=["cut short", "wrong checksum", "not deflated at the end", "empty", "no tar"],
)
def test_a_damaged_archive_is_an_error(archive: Path, damage: Callable[[bytes], bytes]) -> None:
    archive.write_bytes(damage(archive.read_bytes()))
    with pytest.raises(
        StrataError, match=r"Reading the archive .*shop\.tar\.gz failed: .*is not an intact archive"
    ):
        read_source("db", Source(str(archive), "unverified"))


@pytest.mark.parametrize("place", ["packed", "within", "after"])
def test_an_archive_that_unpacks_without_end_is_refused(
    archive: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    tar = gzip.decompress(archive.read_bytes())
    archive.write_bytes(gzip.compress(tar + bytes(len(tar))))
    monkeypatch.setattr(
        source, "UNPACKED_LIMIT", {"packed": 100, "within": 1024, "after": len(tar) + 1}[place]
    )
    with pytest.raises(StrataError, match="far larger than its limits"):
        read_source("db", Source(str(archive), "unverified"))


def test_a_zip_is_read(archive: Path) -> None:
    archive.write_bytes(zipped(file("db/2_b.sql", UP), file("app.py"), file("db/1_a.sql", UP)))
    assert [item.name for item in read_source("db", Source(str(archive), "unverified"))] == [
        "1_a.sql",
        "2_b.sql",
    ]


def test_without_a_folder_for_temporary_files_it_says_so(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(archive.parent / "absent"))
    with pytest.raises(StrataError, match=r"for temporary files failed: No such file .* TMPDIR"):
        read_source("db", Source(str(archive), "unverified"))


def test_a_full_disk_is_told_without_the_account(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(source, "fetch", fetch)
    with pytest.raises(StrataError, match=r"archive https://host/shop\.tar\.gz .*No space left .*Make room"):
        read_source("db", Source("https://reader:s3cret@host/shop.tar.gz?key=s3cret", "unverified"))
