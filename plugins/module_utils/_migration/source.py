# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the migration files come from: a folder, or an archive that is verified, read and never unpacked."""

from __future__ import annotations

import gzip
import posixpath
import tarfile
import tempfile
from pathlib import Path
from typing import IO, cast

from ansible_collections.strata.deploy.plugins.module_utils._errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._fetch import Artifact, fetch
from ansible_collections.strata.deploy.plugins.module_utils._migration.files import parse_all
from ansible_collections.strata.deploy.plugins.module_utils._migration.model import Migration
from ansible_collections.strata.deploy.plugins.module_utils._unpack.unpack import DAMAGE

FILE_LIMIT = 16 * 1024 * 1024
ARCHIVE_LIMIT = 2 * 1024 * 1024 * 1024
UNPACKED_LIMIT = 4 * ARCHIVE_LIMIT
CHUNK = 64 * 1024


def read_source(
    folder: str, archive: str | None = None, checksum: str | None = None
) -> tuple[Migration, ...]:
    """Read all migrations, in order.

    Args:
        folder: an absolute folder or, with ``archive``, the folder inside it.
        archive: path or http(s) URL of a tar.gz.
        checksum: of the archive: "sha256:HEX", "sha512:HEX" or "unverified".
    """
    if archive is None:
        return parse_all(_folder(Path(folder)))
    artifact = Artifact(archive, checksum or "")
    artifact.validate()
    try:
        with tempfile.TemporaryDirectory(prefix="strata-migrations-") as private:
            target = Path(private) / "artifact"
            fetch(artifact, target, ARCHIVE_LIMIT)
            contents = _members(target, artifact.shown, folder)
    except OSError as error:
        raise StrataError(
            f"Copying the archive {artifact.shown} to the host's folder for temporary files failed: "
            f"{error.strerror or error}. "
            "Make room there, or set TMPDIR to another folder."
        ) from error
    return parse_all(contents)


def _folder(folder: Path) -> dict[str, bytes]:
    if not folder.is_absolute():
        raise StrataError(
            f"The migrations folder '{folder}' is not absolute. Give its full path, or an archive."
        )
    try:
        return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix == ".sql"}
    except OSError as error:
        raise StrataError(f"Reading the migrations folder '{folder}' failed: {error.strerror}.") from error


class _Bounded:
    """Ends in an error where an archive would unpack without end."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._left = UNPACKED_LIMIT

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise tarfile.ReadError(f"it unpacks to more than {UNPACKED_LIMIT} bytes")
        return data


def _members(path: Path, shown: str, folder: str) -> dict[str, bytes]:
    wanted = posixpath.normpath(folder)
    if wanted.startswith(("/", "..")):
        raise StrataError(f"The migrations folder '{folder}' must be relative, within the archive {shown}.")
    try:
        with gzip.open(path) as stream:
            bounded = cast(IO[bytes], _Bounded(cast(IO[bytes], stream)))
            with tarfile.open(fileobj=bounded, mode="r|") as archive:
                contents = _sql_files(archive, wanted, shown)
            while bounded.read(CHUNK):  # gzip compares its checksum at the very end
                pass
    except DAMAGE as error:
        raise StrataError(
            f"Reading the archive {shown} failed: {str(error) or type(error).__name__}. It must be an intact tar.gz."
        ) from error
    if contents is None:
        raise StrataError(f"The archive {shown} has no folder '{folder}'. Where are its migrations?")
    return contents


def _sql_files(archive: tarfile.TarFile, wanted: str, shown: str) -> dict[str, bytes] | None:
    contents: dict[str, bytes] = {}
    exists = False
    for member in archive:
        parent, name = posixpath.split(posixpath.normpath(member.name))
        exists = exists or wanted in (parent, posixpath.join(parent, name))
        if parent != ("" if wanted == "." else wanted) or not name.endswith(".sql"):
            continue
        content = archive.extractfile(member) if member.isfile() else None
        if content is None or member.size > FILE_LIMIT:
            raise StrataError(
                f"'{member.name}' in the archive {shown} is not a file of at most {FILE_LIMIT} bytes."
            )
        contents[name] = content.read()
    return contents if exists or contents else None
