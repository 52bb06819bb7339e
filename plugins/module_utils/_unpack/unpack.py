# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unpacking a tar.gz that may be hostile into a private, empty folder.

Nothing of ``tarfile``'s own extraction or filters is used: the archive is read member by member,
what is not plainly harmless is refused, and files are made by this code alone.

The rule that keeps links inside: a target is relative and has ``..`` only at its start, no more of
them than the link is deep. As no member is written through a link, a link's own folder is a real
one; so its start stays within the release, and from there a path can only descend, by way of links
of which the same holds.
"""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from ansible_collections.strata.deploy.plugins.module_utils._errors import StrataError

CHUNK = 64 * 1024
MAX_HEADER = 1024 * 1024
MAX_DEPTH = 64
BLOCK = tarfile.BLOCKSIZE
DAMAGE = (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, ValueError, OverflowError, RecursionError)


@dataclass(frozen=True)
class Limits:
    """What an archive may amount to, unpacked."""

    max_bytes: int = 2 * 1024**3
    max_entries: int = 100_000

    def validate(self) -> None:
        if self.max_bytes < 1 or self.max_entries < 1:
            raise StrataError("The limits max_bytes and max_entries must be at least 1.")


def unpack(archive: Path, folder: Path, limits: Limits) -> None:
    """Unpack ``archive`` into ``folder``, which is empty and nobody else's.

    Raises:
        StrataError: the archive is damaged, above a limit, or has a member that is not allowed. The
            folder is then half-full and to be thrown away.
    """
    with gzip.open(archive, "rb") as stream:
        # Headers and padding come on top of what the files hold.
        bounded = _Bounded(cast(IO[bytes], stream), limits.max_bytes + (limits.max_entries + 20) * 4 * BLOCK)
        tree = _Tree(folder, limits)
        try:
            with tarfile.open(fileobj=bounded, mode="r:", errorlevel=1) as tar:  # type: ignore[call-overload]
                for member in _members(tar):
                    tree.add(member, tar)
                _expect_the_end(bounded, tar.offset)
        except DAMAGE as error:
            raise StrataError(
                f"The artifact is not an intact tar.gz: {str(error) or type(error).__name__}. Build or fetch it again."
            ) from error
    tree.finish()


def _members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    while True:
        member = tar.next()
        if member is None:
            return
        yield member
        tar.members = []  # type: ignore[attr-defined]  # it keeps them all otherwise


def _expect_the_end(stream: _Bounded, offset: int) -> None:
    """Tarfile takes a broken header for the end, and gzip checks its sum only when read to the end."""
    stream.seek(offset)
    while chunk := stream.read(CHUNK):
        if chunk.strip(b"\0"):
            raise tarfile.ReadError("a header is damaged, or data follows the end")


class _Bounded:
    """A stream that ends in an error before it floods the disk, the memory, or time."""

    def __init__(self, stream: IO[bytes], limit: int) -> None:
        self._stream = stream
        self._limit = limit

    def tell(self) -> int:
        return self._stream.tell()

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= MAX_HEADER:
            raise tarfile.ReadError("a header has an impossible size")
        data = self._stream.read(size)
        if self._stream.tell() > self._limit:
            raise tarfile.ReadError("it is far larger than its limits allow (max_bytes, max_entries)")
        return data

    def seek(self, position: int, whence: int = io.SEEK_SET) -> int:
        # Backwards is over the padding of a block at most; a negative size would lead round and round.
        if whence != io.SEEK_SET or not self.tell() - 2 * BLOCK <= position <= self._limit:
            raise tarfile.ReadError("a header has an impossible size")
        return self._stream.seek(position)


class _Tree:
    """The release as it grows, checked against what is already in it."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self._folder = folder
        self._limits = limits
        self._kinds: dict[str, str] = {"": "folder"}
        self._links: list[tuple[str, str]] = []
        self._entries = 0
        self._bytes = 0

    def add(self, member: tarfile.TarInfo, tar: tarfile.TarFile) -> None:
        self._entries += 1
        if self._entries > self._limits.max_entries:
            raise StrataError(f"The artifact has more than {self._limits.max_entries} entries (max_entries).")
        path = _plain(member.name, member, "it")
        if member.isdir():
            self._add_folder(path, member)
            return
        if not path or path in self._kinds:
            raise _refused(member, "its name is there twice")
        self._make_parents(path, member)
        if member.issym():
            self._links.append((path, _target(path, member)))
            self._kinds[path] = "link"
        elif member.islnk():
            source = _plain(member.linkname, member, "it is a hard link")
            if self._kinds.get(source) != "file":
                raise _refused(
                    member, "it is a hard link to something that is not an earlier file of the archive"
                )
            os.link(self._folder / source, self._folder / path, follow_symlinks=False)
            self._kinds[path] = "file"
        elif member.isreg():
            self._add_file(path, member, tar)
        else:
            raise _refused(member, "it is neither a file, a folder nor a link")

    def finish(self) -> None:
        """Make the links, last of all, so that nothing was ever written through one."""
        if len(self._kinds) == 1:
            raise StrataError("The artifact is empty. Build it again.")
        for path, target in self._links:
            os.symlink(target, self._folder / path)

    def _add_folder(self, path: str, member: tarfile.TarInfo) -> None:
        if not path:
            return
        if self._kinds.get(path, "implied") != "implied":
            raise _refused(member, "its name is there twice")
        self._make_parents(path + "/", member)
        (self._folder / path).chmod(member.mode & 0o755 | 0o700)
        self._kinds[path] = "folder"

    def _add_file(self, path: str, member: tarfile.TarInfo, tar: tarfile.TarFile) -> None:
        if member.mode & 0o6000:
            raise _refused(member, "it is setuid or setgid")
        self._bytes += member.size
        if member.size < 0 or self._bytes > self._limits.max_bytes:
            raise StrataError(
                f"The artifact unpacks to more than {self._limits.max_bytes} bytes (max_bytes)."
            )
        source = tar.extractfile(member)
        if source is None:  # tarfile's answer for what is no file, which is not let come here
            raise _refused(member, "it has no content")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL  # which follows no link either
        with source, os.fdopen(os.open(self._folder / path, flags, 0o600), "wb") as output:
            left = member.size
            while left:
                chunk = source.read(min(left, CHUNK))
                if not chunk:
                    raise EOFError("it is cut short")
                left -= len(chunk)
                output.write(chunk)
            os.fchmod(output.fileno(), member.mode & 0o755 | 0o600)
        self._kinds[path] = "file"

    def _make_parents(self, path: str, member: tarfile.TarInfo) -> None:
        parts = path.split("/")[:-1]
        for depth in range(1, len(parts) + 1):
            parent = "/".join(parts[:depth])
            kind = self._kinds.get(parent)
            if kind is None:
                (self._folder / parent).mkdir()
                (self._folder / parent).chmod(0o755)
                self._kinds[parent] = "implied"
            elif kind not in ("folder", "implied"):
                raise _refused(member, f"it lies within {parent!r}, which is a {kind}")


def _plain(name: str, member: tarfile.TarInfo, what: str) -> str:
    """A name without empty and '.' parts; refused if it can lead out."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/"):
        raise _refused(member, f"{what} has an absolute path")
    if ".." in parts:
        raise _refused(member, f"{what} has a path with '..'")
    if any(ord(character) < 32 or ord(character) == 127 for character in name):
        raise _refused(member, f"{what} has a control character in its path")
    if len(parts) > MAX_DEPTH:
        raise _refused(member, f"{what} lies more than {MAX_DEPTH} folders deep")
    return "/".join(parts)


def _target(path: str, member: tarfile.TarInfo) -> str:
    target = member.linkname
    parts = [part for part in target.split("/") if part not in ("", ".")]
    ups = 0
    while ups < len(parts) and parts[ups] == "..":
        ups += 1
    if not target or target.startswith("/") or "\0" in target:
        raise _refused(member, "it is a link with an absolute target")
    if ups > path.count("/") or ".." in parts[ups:]:
        raise _refused(member, "it is a link that leads out of the release, or has '..' after a name")
    return target


def _refused(member: tarfile.TarInfo, why: str) -> StrataError:
    name: Any = ascii(member.name[:200])
    return StrataError(f"The artifact's entry {name} is refused: {why}. Build the artifact without it.")
