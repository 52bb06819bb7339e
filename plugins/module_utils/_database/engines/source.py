# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the migration files come from: a folder, or an archive that is verified, read and never unpacked."""

from __future__ import annotations

import posixpath
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources import Source, fetch
from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack.archive import entries
from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack.entry import ArchiveError, Entry
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.model import Migration
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.files import parse_all

FILE_LIMIT = 16 * 1024 * 1024
ARCHIVE_LIMIT = 2 * 1024 * 1024 * 1024
UNPACKED_LIMIT = 4 * ARCHIVE_LIMIT


def read_source(folder: str, artifact: Source | None = None) -> tuple[Migration, ...]:
    """Read all migrations, in order.

    Args:
        folder: an absolute folder or, with ``artifact``, the folder inside it.
        artifact: a tar or zip.
    """
    if artifact is None:
        return parse_all(_folder(Path(folder)))
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


def _members(path: Path, shown: str, folder: str) -> dict[str, bytes]:
    wanted = posixpath.normpath(folder)
    if wanted.startswith(("/", "..")):
        raise StrataError(f"The migrations folder '{folder}' must be relative, within the archive {shown}.")
    try:
        with open(path, "rb") as stream, entries(stream, path.parent, UNPACKED_LIMIT) as found:
            contents = _sql_files(found, wanted, shown)
    except ArchiveError as error:
        raise StrataError(f"Reading the archive {shown} failed: {error}") from error
    if contents is None:
        raise StrataError(f"The archive {shown} has no folder '{folder}'. Where are its migrations?")
    return contents


def _sql_files(found: Iterator[Entry], wanted: str, shown: str) -> dict[str, bytes] | None:
    contents: dict[str, bytes] = {}
    exists = False
    for entry in found:
        parent, name = posixpath.split(posixpath.normpath(entry.name))
        exists = exists or wanted in (parent, posixpath.join(parent, name))
        if parent != ("" if wanted == "." else wanted) or not name.endswith(".sql"):
            continue
        if entry.kind != "file" or entry.size > FILE_LIMIT:
            raise StrataError(
                f"'{entry.name}' in the archive {shown} is not a file of at most {FILE_LIMIT} bytes."
            )
        contents[name] = b"".join(entry.content)
    return contents if exists or contents else None
