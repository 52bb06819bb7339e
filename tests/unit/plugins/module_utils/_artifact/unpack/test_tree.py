# SPDX-License-Identifier: GPL-3.0-or-later
"""A release as it grows: what is made of entries, and which are refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack.entry import ArchiveError, Entry
from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack.rules import Rules
from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack.tree import Tree
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


def file(name: str, content: bytes = b"shop", mode: int = 0o644) -> Entry:
    return Entry(name, "file", mode, len(content), content=iter((content,)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "release"
    path.mkdir()
    return path


def grown(folder: Path, *entries: Entry, **rules: object) -> None:
    tree = Tree(folder, Rules(**rules))  # type: ignore[arg-type]
    for entry in entries:
        tree.add(entry)
    tree.finish()


def test_files_folders_and_links_come_out_as_they_were_packed(folder: Path) -> None:
    grown(
        folder,
        Entry("./bin/", "folder", 0o700),
        file("bin/shop", mode=0o755),
        Entry("lib/current", "link", target="../bin"),
        Entry("bin/copy", "hard link", target="bin/shop"),
        Entry("", "comment"),
    )
    assert (folder / "bin/shop").read_bytes() == b"shop"
    assert (folder / "bin/shop").stat().st_mode & 0o7777 == 0o755
    assert (folder / "bin").stat().st_mode & 0o7777 == 0o700
    assert os.readlink(folder / "lib/current") == "../bin"
    assert (folder / "bin/copy").samefile(folder / "bin/shop")


def test_a_link_is_made_last_so_that_nothing_is_written_through_it(folder: Path) -> None:
    tree = Tree(folder, Rules())
    tree.add(Entry("away", "link", target="bin"))
    assert not (folder / "away").is_symlink()
    with pytest.raises(ArchiveError, match="it lies within 'away', which is a link"):
        tree.add(file("away/app.py"))


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (file("/etc/passwd"), "it has an absolute path"),
        (file("lib/../../evil"), r"it has a path with '\.\.'"),
        (file("a\nb"), "control character"),
        (file(""), "it has no name"),
        (file("d/" * 64 + "x"), "more than 64 folders deep"),
        (file("app.py", mode=0o4755), "setuid or setgid"),
        (Entry("dev", "other"), "neither a file, a folder nor a link"),
        (Entry("out", "link", target="/etc"), "absolute target"),
        (Entry("out", "link", target="../x"), "leads out of the release"),
        (Entry("lib/out", "link", target="x/../../.."), "leads out of the release"),
        (Entry("copy", "hard link", target="nothing"), "not an earlier file"),
    ],
)
def test_what_could_lead_out_or_do_harm_is_refused(folder: Path, entry: Entry, why: str) -> None:
    with pytest.raises(ArchiveError, match=why):
        grown(folder, entry)
    assert [each for each in folder.rglob("*") if each.is_file()] == []


@pytest.mark.parametrize(
    "second", [file("app.py"), Entry("app.py", "link", target="x"), Entry("app.py", "folder")]
)
def test_a_name_is_there_once(folder: Path, second: Entry) -> None:
    with pytest.raises(ArchiveError, match="its name is there twice"):
        grown(folder, file("app.py"), second)


def test_one_folder_is_stripped_off(folder: Path) -> None:
    grown(folder, Entry("shop-2.0/", "folder", 0o755), file("shop-2.0/app.py"), strip=True)
    assert [each.name for each in folder.iterdir()] == ["app.py"]


def test_what_lies_beside_the_folder_to_be_stripped_is_refused(folder: Path) -> None:
    with pytest.raises(ArchiveError, match="does not lie in one folder with all the others"):
        grown(folder, file("shop-2.0/app.py"), file("other/app.py"), strip=True)


def test_modes_can_be_set_for_all_files_and_folders(folder: Path) -> None:
    rules = {"file_mode": "0640", "folder_mode": "0750"}
    grown(folder, file("lib/data"), file("bin/shop", mode=0o755), **rules)
    modes = {str(each.relative_to(folder)): each.stat().st_mode & 0o777 for each in folder.rglob("*")}
    assert modes == {"lib": 0o750, "lib/data": 0o640, "bin": 0o750, "bin/shop": 0o750}


@pytest.mark.parametrize(
    ("rules", "why"),
    [({"max_entries": 1}, "more than 1 entries"), ({"max_bytes": 7}, "more than 7 bytes")],
)
def test_a_release_has_limits(folder: Path, rules: dict[str, int], why: str) -> None:
    with pytest.raises(StrataError, match=why):
        grown(folder, file("a"), file("b"), **rules)


def test_an_archive_without_a_file_is_an_error(folder: Path) -> None:
    with pytest.raises(StrataError, match="The artifact is empty"):
        grown(folder, Entry("", "comment"))
