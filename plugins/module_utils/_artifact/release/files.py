# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are rendered for one release: what the environment says, beside what the artifact holds."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from pathlib import Path

from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.layout import (
    give,
    make_folder,
    validate_inside,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


@dataclass(frozen=True)
class RenderedFile:
    """A file of a release; ``content`` is secret."""

    path: str
    content: str
    mode: str = "0640"
    owner: str | None = None
    group: str | None = None


def validate_files(files: tuple[RenderedFile, ...], shared: tuple[str, ...]) -> None:
    """Raise StrataError unless paths stay inside, apart from each other and from what is shared."""
    validate_inside("path", (*shared, *(each.path for each in files)))
    for each in files:
        if not re.fullmatch("0[0-7]{3}", each.mode):
            raise StrataError(
                f"The mode {each.mode!r} of the file {each.path!r} must be four octal digits that begin with 0,"
                ' in quotes, as in "0640".'
            )


def digests(files: tuple[RenderedFile, ...]) -> dict[str, str]:
    """What is recorded of the files, by path: of their contents, owners and modes."""
    return {each.path: hashlib.sha256(json.dumps(astuple(each)).encode()).hexdigest() for each in files}


def differing(known: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    """The paths of which the two do not say the same."""
    return sorted(path for path in {*known, *wanted} if known.get(path) != wanted.get(path))


def write(folder: Path, files: tuple[RenderedFile, ...]) -> None:
    """Write them into a release that nobody runs yet, in the place of what the artifact has there.

    They belong to whom the release does, where they do not say it themselves.
    """
    for each in files:
        place = free_place(folder, each.path, "file")
        descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        # Ansible hands over bytes that are no UTF-8 as surrogates.
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="") as output:
            output.write(each.content)
            give(descriptor, folder)
            os.fchmod(descriptor, int(each.mode, 8))
        if each.owner is None and each.group is None:
            continue
        try:
            # One that is None is left as it is, which typeshed does not know of both.
            shutil.chown(place, each.owner, each.group)  # type: ignore[arg-type]
        except LookupError as error:
            raise StrataError(f"The file {each.path!r} cannot be made: {error}.") from error


def free_place(folder: Path, path: str, what: str) -> Path:
    """The place of ``path`` in a release, its parents made; a file or link that the artifact has there is deleted."""
    place = folder
    for part in path.split("/")[:-1]:
        place = place / part
        if place.is_symlink() or (place.exists() and not place.is_dir()):
            raise StrataError(
                f"The {what} {path!r} cannot be made: {part!r} in the artifact is not a folder."
            )
        make_folder(place, folder)
    place = folder / path
    if place.is_symlink() or place.is_file():
        place.unlink()
    elif what == "file" and place.exists():
        raise StrataError(f"The file {path!r} cannot be made: the artifact has a folder there.")
    return place
