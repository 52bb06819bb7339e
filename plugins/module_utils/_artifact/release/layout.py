# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things lie under an app's root, and the link that says which release is current."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from ansible_collections.strata.deploy.plugins.module_utils._core.durable import sync_directory
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._core.exclusive import exclusive
from ansible_collections.strata.deploy.plugins.module_utils._core.trust import distrusted, require

REVISIONS = "revisions.log"
"""Capistrano's log, which is read when its releases are taken over."""
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}")
LOCK_WAIT = 60.0
"""Seconds to wait for another run on this host: one whose controller died ends by itself."""


def validate_version(version: str) -> None:
    """Raise StrataError unless a version can be the name of a folder, and nothing else."""
    if not VERSION.fullmatch(version):
        raise StrataError(
            f"The version {version!r} is not a safe folder name: use letters, digits, '.', '_', '+' and '-',"
            " beginning with a letter or digit, at most 128."
        )


def validate_shared(shared: tuple[str, ...]) -> None:
    """Raise StrataError unless shared paths are relative, stay inside, and none lies within another."""
    validate_inside("shared path", shared)


def validate_inside(what: str, paths: tuple[str, ...]) -> None:
    """Raise StrataError unless paths in a release are relative, stay inside, and none lies within another."""
    seen: list[tuple[str, ...]] = []
    for text in paths:
        parts = tuple(text.split("/"))
        if "\0" in text or any(part in ("", ".", "..") for part in parts):
            raise StrataError(
                f"The {what} {text!r} must be relative, without '.', '..', empty parts, a '/' at its end or NUL."
            )
        if any(parts[: len(other)] == other or other[: len(parts)] == parts for other in seen):
            raise StrataError(f"The {what} {text!r} lies within another one, or is named twice.")
        seen.append(parts)


class Layout:
    """The folders of one app on this host: ``releases/``, ``shared/``, ``current`` and ``.strata/``."""

    def __init__(self, root: str) -> None:
        path = os.path.normpath(root)
        if not os.path.isabs(root) or not path.strip("/"):
            raise StrataError(f"The path {root!r} must be an absolute one, the folder of one app.")
        self.root = Path("/", path.lstrip("/"))
        self.releases = self.root / "releases"
        self.shared = self.root / "shared"
        self.private = self.root / ".strata"
        self.state = self.private / "state.json"
        self.link = self.root / "current"
        self.undeleted: list[str] = []

    def require_trusted(self) -> None:
        """Raise StrataError where somebody less privileged can change which releases there are, and what is known of them.

        What lies in ``shared/``, and in a release, may be others' own.
        """
        log = self.root / REVISIONS
        require(self.root, self.releases, self.private, self.state, self.private / "lock", log)

    def create(self) -> None:
        """Make the folders that are missing."""
        for folder in (self.root, self.releases, self.shared):
            make_folder(folder)
        self.private.mkdir(mode=0o700, exist_ok=True)

    def release(self, version: str) -> Path:
        return self.releases / version

    def current(self) -> str | None:
        """The version that the link points to."""
        try:
            target = self.link.parent / os.readlink(self.link)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StrataError(
                f"{self.link} is not a symbolic link ({error.strerror}): move it away."
            ) from error
        # As they are, for a link that another tool made may name the folder by another way.
        if os.path.realpath(target.parent) != os.path.realpath(self.releases):
            raise StrataError(f"{self.link} points to {target}, not into {self.releases}: move it away.")
        return target.name

    def switch(self, version: str) -> None:
        """Make a version current in one rename(2), on disk before it returns."""
        fresh = self.private / "current"
        with contextlib.suppress(FileNotFoundError):
            fresh.unlink()
        fresh.symlink_to(PurePosixPath("releases", version))
        # Else a power cut could leave the rename without what was renamed.
        sync_directory(self.private)
        fresh.rename(self.link)
        sync_directory(self.root)
        sync_directory(self.private)

    def make_shared(self, path: str, like: Path) -> None:
        """Make a folder below ``shared/``, and its parents, as `make_folder` does.

        Nobody else's link is followed, because ``shared/`` may belong to the application's user.
        """
        at = self.shared
        parent = os.open(at, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in path.split("/"):
                at = at / part
                child = _entered(parent, at, like)
                os.close(parent)
                parent = child
        finally:
            os.close(parent)

    def incoming(self) -> Path:
        """A new private folder on the file system of the releases."""
        return Path(tempfile.mkdtemp(prefix="incoming-", dir=self.private))

    def discard(self, folder: Path) -> None:
        """Delete a folder; a reader never sees it half gone under its own name."""
        if folder.is_symlink() or not folder.exists():
            return
        grave = Path(tempfile.mkdtemp(prefix="incoming-", dir=self.private))
        folder.rename(grave / folder.name)
        self.delete(grave)

    def delete(self, folder: Path) -> None:
        """Delete a private folder. What cannot be deleted must not stop a deployment, still less the way back."""
        try:
            remove_tree(folder)
        except OSError as error:
            self.undeleted.append(str(error))

    def warnings(self) -> tuple[str, ...]:
        """What an operator has to know of what could not be deleted."""
        if not self.undeleted:
            return ()
        return (
            f"What is left of other releases could not be deleted ({'; '.join(dict.fromkeys(self.undeleted))})."
            " It takes up room until it is deleted by hand, or the next run can do it.",
        )

    def sweep(self) -> None:
        """Delete what killed runs left in the private folder; only under the lock."""
        for leftover in self.private.glob("incoming-*"):
            self.delete(leftover)
        for leftover in self.private.glob(f".{self.state.name}.*"):
            leftover.unlink()

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep a second run on this host out; the kernel lets go of the lock of a killed one."""
        with exclusive(self.private / "lock", create=True, timeout=LOCK_WAIT):
            yield


def make_folder(folder: Path, like: Path | None = None) -> None:
    """Make a folder and its missing parents for all to enter, whatever the umask: a service has a user of its own.

    They belong to whom ``like`` does.
    """
    if folder.is_dir():
        return
    make_folder(folder.parent, like)
    folder.mkdir(mode=0o700, exist_ok=True)
    # Where its parent is another user's, a link could have come in its place.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if like:
            give(descriptor, like)
        os.fchmod(descriptor, 0o755)
    finally:
        os.close(descriptor)


def give(descriptor: int, like: Path) -> None:
    """Have an open file or folder belong to whom ``like`` does; only root may where it is not so already."""
    made, wanted = os.fstat(descriptor), like.stat()
    if (made.st_uid, made.st_gid) != (wanted.st_uid, wanted.st_gid):
        os.fchown(descriptor, wanted.st_uid, wanted.st_gid)


def _entered(parent: int, folder: Path, like: Path) -> int:
    """Open a folder in the open one that it lies in, and make it where it is missing."""
    try:
        os.mkdir(folder.name, 0o700, dir_fd=parent)
    except FileExistsError:
        flags = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
        try:
            return os.open(folder.name, flags | os.O_NOFOLLOW, dir_fd=parent)
        except NotADirectoryError:
            problem = next(distrusted(folder), None)
            if not folder.is_symlink() or problem:
                why = f"is a link, and {problem.path} {problem.why}" if problem else "is not a folder"
                raise StrataError(
                    f"A folder cannot be made in {folder}, which {why}. Make it by hand, or make {folder} a folder."
                ) from None
            return os.open(folder.name, flags, dir_fd=parent)
    made = os.open(folder.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    if os.fstat(made).st_uid != os.geteuid():
        os.close(made)
        raise StrataError(f"The folder {folder} was replaced while it was made. Find out who does that.")
    give(made, like)
    os.fchmod(made, 0o755)
    return made


def remove_tree(folder: Path) -> None:
    """Delete a tree, folders without write permission included."""
    try:
        shutil.rmtree(folder)
    except PermissionError:
        for _parent, _folders, _files, descriptor in os.fwalk(folder):
            os.fchmod(descriptor, 0o700)
        shutil.rmtree(folder)
