# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the migration files come from: a folder, or an archive that is verified, read and never unpacked."""

from __future__ import annotations

import posixpath
import tarfile
import tempfile
from pathlib import Path
from typing import IO

from ansible_collections.strata.deploy.plugins.module_utils._errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._fetch import Artifact, fetch
from ansible_collections.strata.deploy.plugins.module_utils._migration.files import Migration, parse_all

FILE_LIMIT = 16 * 1024 * 1024
ARCHIVE_LIMIT = 2 * 1024 * 1024 * 1024


def read_source(
    folder: str, archive: str | None = None, checksum: str | None = None
) -> tuple[Migration, ...]:
    """Read all migrations, in order.

    Args:
        folder: an absolute folder or, with ``archive``, the folder inside it.
        archive: path or http(s) URL of a tar archive.
        checksum: of the archive: "sha256:HEX", "sha512:HEX" or "unverified".
    """
    if archive is None:
        return parse_all(_folder(Path(folder)))
    artifact = Artifact(archive, checksum or "")
    artifact.validate()
    with tempfile.TemporaryDirectory(prefix="strata-migrations-") as private:
        target = Path(private) / "artifact"
        fetch(artifact, target, ARCHIVE_LIMIT)
        with open(target, "rb") as stream:
            return parse_all(_members(stream, artifact.shown, folder))


def _folder(folder: Path) -> dict[str, bytes]:
    if not folder.is_absolute():
        raise StrataError(
            f"The migrations folder '{folder}' is not absolute. Give its full path, or an archive."
        )
    try:
        return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix == ".sql"}
    except OSError as error:
        raise StrataError(f"Reading the migrations folder '{folder}' failed: {error.strerror}.") from error


def _members(stream: IO[bytes], shown: str, folder: str) -> dict[str, bytes]:
    wanted = posixpath.normpath(folder)
    if wanted.startswith(("/", "..")):
        raise StrataError(f"The migrations folder '{folder}' must be relative, within the archive {shown}.")
    contents: dict[str, bytes] = {}
    exists = False
    try:
        with tarfile.open(fileobj=stream, mode="r:*") as archive:
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
    except (tarfile.TarError, EOFError, OSError) as error:
        raise StrataError(
            f"Reading the archive {shown} failed: {error}. It must be a tar archive."
        ) from error
    if not exists and not contents:
        raise StrataError(f"The archive {shown} has no folder '{folder}'. Where are its migrations?")
    return contents
