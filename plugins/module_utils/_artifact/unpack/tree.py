# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The release as it grows.

Names are checked before anything is made of them, and links are made last of all, so that nothing is ever written through
one. The rule that keeps links inside: a target is relative and has ``..`` only at its start, no more of them than the link
is deep. A link's own folder is a real one; so its start stays within the release, and from there a path can only descend,
by way of links of which the same holds.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack.entry import Entry, refused
from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack.rules import UNCHANGED, Rules
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

MAX_DEPTH = 64
MAX_NAMES = 16 * 1024 * 1024
"""Characters that the names of all folders and links may have, which are kept in memory."""


class Tree:
    """An empty folder that becomes a release."""

    def __init__(self, folder: Path, rules: Rules) -> None:
        self._root = os.fsencode(folder)
        self._rules = rules
        self._owner = rules.ids()
        self._folder_mode = int(rules.folder_mode or "0", 8)
        self._folders = {"": True}  # whether it has an entry of its own
        self._links: dict[str, str] = {}
        self._top = ""
        self._entries = self._bytes = self._names = 0
        if self._folder_mode:
            os.chmod(folder, self._folder_mode)
        self._give(folder)

    def add(self, entry: Entry) -> None:
        self._entries += 1
        if self._entries > self._rules.max_entries:
            raise StrataError(f"The artifact has more than {self._rules.max_entries} entries (max_entries).")
        if entry.kind == "comment":
            return
        path = self._path(entry.name, entry, "it")
        with _as_refusal(entry.name):
            if entry.kind == "folder":
                self._add_folder(path, entry)
                return
            if not path:
                raise refused(entry.name, "it stands where the folder of the whole release does")
            if path in self._links or path in self._folders:
                raise refused(entry.name, "its name is there twice")
            self._make_parents(path, entry)
            if entry.kind == "file":
                self._add_file(path, entry)
            elif entry.kind == "link":
                self._add_link(path, entry)
            elif entry.kind == "hard link":
                self._add_hard_link(path, entry)
            else:
                raise refused(entry.name, "it is neither a file, a folder nor a link")

    def finish(self) -> None:
        """Make the links. Nothing may be added after that."""
        if not self._links and not os.listdir(self._root):
            raise StrataError("The artifact is empty. Build it again.")
        for path, target in self._links.items():
            with _as_refusal(path):
                os.symlink(target.encode("utf-8", "surrogateescape"), self._full(path))
                self._give(self._full(path))

    def _full(self, path: str) -> bytes:
        return self._root + b"/" + path.encode("utf-8", "surrogateescape")

    def _give(self, what: int | bytes | Path) -> None:
        if self._owner != (UNCHANGED, UNCHANGED):
            os.chown(what, *self._owner, follow_symlinks=isinstance(what, int))

    def _add_folder(self, path: str, entry: Entry) -> None:
        if not path:
            return
        if path in self._links or self._folders.get(path):
            raise refused(entry.name, "its name is there twice")
        self._make_parents(path, entry)
        try:
            self._make_folder(path, entry.mode)
        except FileExistsError:
            raise refused(entry.name, "its name is there twice") from None
        self._folders[path] = True

    def _make_folder(self, path: str, mode: int) -> None:
        full = self._full(path)
        if path not in self._folders:
            self._remember(path)
            os.mkdir(full, 0o700)
        descriptor = os.open(full, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            self._give(descriptor)
            os.fchmod(descriptor, self._folder_mode or mode & 0o755 | 0o700)
        finally:
            os.close(descriptor)

    def _make_parents(self, path: str, entry: Entry) -> None:
        parent = path.rpartition("/")[0]
        if parent in self._folders:
            return
        if parent in self._links:
            raise refused(entry.name, f"it lies within {parent!r}, which is a link")
        self._make_parents(parent, entry)
        try:
            self._make_folder(parent, 0o755)
        except FileExistsError:
            raise refused(entry.name, f"it lies within {parent!r}, which is a file") from None
        self._folders[parent] = False

    def _add_file(self, path: str, entry: Entry) -> None:
        if entry.mode & 0o6000 and self._rules.setuid == "refuse":
            raise refused(entry.name, "it is setuid or setgid")
        self._bytes += entry.size
        if self._bytes > self._rules.max_bytes:
            raise StrataError(f"The artifact unpacks to more than {self._rules.max_bytes} bytes (max_bytes).")
        try:
            descriptor = os.open(
                self._full(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600
            )
        except FileExistsError:
            raise refused(entry.name, "its name is there twice") from None
        try:
            for chunk in entry.content:
                left = memoryview(chunk)
                while left:
                    left = left[os.write(descriptor, left) :]
            self._give(descriptor)
            os.fchmod(descriptor, self._file_mode(entry.mode))
        finally:
            os.close(descriptor)

    def _file_mode(self, packed: int) -> int:
        if not self._rules.file_mode:
            return packed & 0o755 | 0o600
        mode = int(self._rules.file_mode, 8)
        return mode | (mode & 0o444) >> 2 if packed & 0o100 else mode

    def _add_link(self, path: str, entry: Entry) -> None:
        if os.path.lexists(self._full(path)):
            raise refused(entry.name, "its name is there twice")
        parts = [part for part in entry.target.split("/") if part not in ("", ".")]
        ups = 0
        while ups < len(parts) and parts[ups] == "..":
            ups += 1
        if not entry.target or entry.target.startswith("/") or "\0" in entry.target:
            raise refused(entry.name, "it is a link with an absolute target")
        if ups > path.count("/") or ".." in parts[ups:]:
            raise refused(entry.name, "it is a link that leads out of the release, or has '..' after a name")
        self._remember(path + entry.target)
        self._links[path] = entry.target

    def _add_hard_link(self, path: str, entry: Entry) -> None:
        source = self._path(entry.target, entry, "it is a hard link and")
        try:
            if source in self._links or not stat.S_ISREG(os.lstat(self._full(source)).st_mode):
                raise FileNotFoundError
            os.link(self._full(source), self._full(path), follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            why = "it is a hard link to something that is not an earlier file of the archive"
            raise refused(entry.name, why) from None
        except FileExistsError:
            raise refused(entry.name, "its name is there twice") from None

    def _remember(self, text: str) -> None:
        self._names += len(text)
        if self._names > MAX_NAMES:
            raise StrataError(
                f"The names of the artifact's folders and links have more than {MAX_NAMES} characters. Build it with fewer."
            )

    def _path(self, name: str, entry: Entry, what: str) -> str:
        """A name without empty and '.' parts, and without the folder to be stripped; refused if it can lead out."""
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if not name:
            raise refused(entry.name, f"{what} has no name")
        if name.startswith("/"):
            raise refused(entry.name, f"{what} has an absolute path")
        if ".." in parts:
            raise refused(entry.name, f"{what} has a path with '..'")
        if any(character < " " or "\x7f" <= character < "\xa0" for character in name):
            raise refused(entry.name, f"{what} has a control character in its path")
        if len(parts) > MAX_DEPTH:
            raise refused(entry.name, f"{what} lies more than {MAX_DEPTH} folders deep")
        if self._rules.strip and parts:
            self._top = self._top or parts[0]
            if parts[0] != self._top or (len(parts) == 1 and entry.kind != "folder"):
                raise refused(
                    entry.name,
                    "it does not lie in one folder with all the others, which could be taken off (strip)",
                )
            del parts[0]
        return "/".join(parts)


@contextlib.contextmanager
def _as_refusal(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise refused(name, "its path, or a part of it, is too long for this file system") from error
        raise
