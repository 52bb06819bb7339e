# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What outlives releases: files and folders under ``shared/``, to which each release has links."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.files import free_place
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.layout import (
    Layout,
    remove_tree,
    validate_shared,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.durable import sync_filesystem
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


@dataclass(frozen=True)
class SharedPaths:
    """The paths that a release shares with all others, relative to it.

    Args:
        paths: files or folders, as ``shared/`` or else the artifact has them; folders where neither does.
        files: files, which ``shared/`` or the artifact must have.
    """

    paths: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        return (*self.paths, *self.files)

    def validate(self) -> None:
        validate_shared(self.all)

    def missing(self, layout: Layout) -> list[str]:
        """The paths that ``shared/`` does not have yet.

        Raises:
            StrataError: one cannot be shared as it is there.
        """
        return [path for path in self.all if self._there(layout, path) is None]

    def link(
        self, layout: Layout, folder: Path, copies: Path, *, own_folder: bool = False
    ) -> Mapping[str, Path | None]:
        """Put links into a release that nobody runs yet, in the place of what the artifact has there.

        Args:
            copies: an empty folder, for copies of what the artifact has and ``shared/`` lacks.
            own_folder: whether the release's folder holds what its kind needs, and nothing of the app.

        Returns:
            What is to be `put` under ``shared/``: the paths that it lacks, with their copies; None for a new folder.

        Raises:
            StrataError: a path is a file in one place and a folder in the other; or a file is missing.
        """
        lacking: dict[str, Path | None] = {}
        for number, path in enumerate(self.all):
            there, content = self._there(layout, path), _content(folder, path)
            if own_folder and os.path.lexists(folder / path):
                raise StrataError(
                    f"The path {path!r} cannot be shared: a release of this kind needs its own there. Leave it out."
                )
            if content is not None:
                self._require_same(layout, path, content, there)
            if there is not None:
                continue
            if content is None and path in self.files:
                raise StrataError(
                    f"The shared file {path!r} is missing: neither {layout.shared / path} nor the artifact has it."
                    " Put the file there, then stage the release again."
                )
            lacking[path] = copies / str(number) if content else None
            if content:
                _copy(content, copies / str(number))
        for path in self.all:
            place = free_place(folder, path, "shared path")
            if place.exists():
                layout.discard(place)
            place.symlink_to(f"{'../' * (2 + path.count('/'))}shared/{path}")
        return lacking

    def _there(self, layout: Layout, path: str) -> Path | None:
        """What ``shared/`` has at the path; None if nothing."""
        place = layout.shared
        for part in path.split("/"):
            place = place / part
            if not os.path.lexists(place):
                return None
            if not place.exists():
                raise StrataError(
                    f"The path {path!r} cannot be shared: {place} is a link that leads nowhere. Mount or make"
                    f" {os.path.realpath(place)}, or remove the link."
                )
            if place != layout.shared / path and not place.is_dir():
                raise StrataError(
                    f"The path {path!r} cannot be shared: {place} is not a folder. Move it away."
                )
        if path in self.files and place.is_dir():
            raise StrataError(
                f"The shared file {path!r} cannot be linked: {place} is a folder. Put the file in its place."
            )
        return place

    def _require_same(self, layout: Layout, path: str, content: Path, there: Path | None) -> None:
        """Raise StrataError unless the artifact and ``shared/`` both have a file, or both a folder."""
        if path in self.files and content.is_dir():
            raise StrataError(
                f"The shared file {path!r} cannot be linked: it is a folder in the artifact."
                " If a folder is meant, name it among the other shared paths."
            )
        if there is not None and there.is_dir() != content.is_dir():
            words = {True: "folder", False: "file"}
            raise StrataError(
                f"The path {path!r} cannot be shared: it is a {words[content.is_dir()]} in the artifact, and {there} is a"
                f" {words[there.is_dir()]}. Put what the release needs in its place; once {there} is gone, the artifact's"
                " own is copied there."
            )


def put(layout: Layout, folder: Path, lacking: Mapping[str, Path | None]) -> None:
    """Put under ``shared/`` what it lacks; a file or a tree is there at once, or not at all.

    New folders belong to whom the release does, copies to whom the artifact's own do.
    """
    for path, copy in lacking.items():
        target = layout.shared / path
        if copy is None:
            layout.make_shared(path, folder)
            continue
        parent = path.rpartition("/")[0]
        if parent:
            layout.make_shared(parent, folder)
        try:
            copy.rename(target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            # What is shared is on a file system of its own.
            beside = target.with_name(f".{target.name}.strata")
            if beside.is_dir() and not beside.is_symlink():
                remove_tree(beside)
            else:
                beside.unlink(missing_ok=True)
            _copy(copy, beside)
            sync_filesystem(target.parent)
            beside.rename(target)


def _content(folder: Path, path: str) -> Path | None:
    """The file or folder of the artifact at the path; a link there counts as what it leads to within the release."""
    place = folder / path
    if not place.exists():
        return None
    real = Path(os.path.realpath(place))
    return real if Path(os.path.realpath(folder)) in real.parents else None


def _copy(source: Path, target: Path) -> None:
    """Copy a file, or a tree with its links as they are; all keep their owners and modes."""
    if source.is_symlink():
        target.symlink_to(os.readlink(source))
    elif source.is_dir():
        target.mkdir(mode=0o700)
        for each in source.iterdir():
            _copy(each, target / each.name)
    else:
        # Not through a link that somebody has put there.
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(source, "rb") as read, os.fdopen(descriptor, "wb") as written:
            shutil.copyfileobj(read, written)
    wanted, made = source.lstat(), target.lstat()
    if (wanted.st_uid, wanted.st_gid) != (made.st_uid, made.st_gid):
        os.chown(target, wanted.st_uid, wanted.st_gid, follow_symlinks=False)
    shutil.copystat(source, target, follow_symlinks=False)
