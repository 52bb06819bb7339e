# SPDX-License-Identifier: GPL-3.0-or-later
"""What befalls a host: a process killed at every step, a disk that is full, one that is read-only."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds.archive import ArchiveInstaller
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release import (
    activation,
    layout,
    staging,
    state,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.layout import Layout
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.report import describe
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.state import Intent, load, save
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.modules import release

STEPS = {
    "fcntl.flock",
    "os.chmod",
    "os.chown",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.symlink",
    "open",
}
"""The audit events of what changes a file system, each raised before it is done."""


class Shop:
    """An app on this host, with the module's own code; 0.9 and 1.0 were good, 1.0 is current."""

    def __init__(self, root: Path, built: dict[str, Any]) -> None:
        self.root, self.built = root, built

    def do(self, state: str, version: str | None = None, **more: Any) -> Any:
        options = {name: spec.get("default") for name, spec in release.OPTIONS.items()}
        options |= {"path": str(self.root), "state": state, "version": version, "keep": 1, **more}
        if state == "staged":
            built = self.built[str(version)]
            options |= {
                "url": built.url,
                "checksum": built.checksum,
                "shared": ["log"],
                "max_bytes": 1_000_000,
            }
            options["files"] = [{"path": ".env", "content": f"VERSION={version}", "mode": "0600"}]
        return release.ensure(options, release.take_files(options), False)

    def deploy(self, *versions: str, **more: Any) -> None:
        for version in versions:
            self.do("staged", version)
            self.do("active", version, **more)

    def served(self) -> str:
        """The version that a reader of ``current`` finds; whole, or this fails."""
        current = self.root / "current"
        version = (current / "app.py").read_text().split()[0]
        assert (current / ".env").read_text() == f"VERSION={version}"
        assert (current / "log").is_dir()
        return version

    def is_clean(self) -> None:
        left = sorted(each.name for each in (self.root / ".strata").iterdir())
        assert left == ["lock", "state.json"]
        known = {each["version"] for each in describe(str(self.root)).releases}
        assert known == {each.name for each in (self.root / "releases").iterdir()}


@pytest.fixture
def shop(tmp_path: Path, build: Callable[..., Any]) -> Shop:
    built = {
        version: build(version, {"app.py": f"{version} {'x' * 20_000}", "lib/a.py": "", "lib/deep/b.py": ""})
        for version in ("0.8", "0.9", "1.0", "2.0")
    }
    found = Shop(tmp_path / "srv" / "shop", built)
    found.deploy("0.8", "0.9", "1.0", keep=3)
    return found


def killed_at(step: int, root: Path, act: Callable[[], None]) -> bool:
    """Run ``act`` in a process that gets a SIGKILL before its n-th step; whether it came so far."""
    process = os.fork()
    if process:
        status = os.waitpid(process, 0)[1]
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGKILL
            return True
        assert os.WEXITSTATUS(status) == 0, "it failed without being killed"
        return False
    taken = 0

    def next_step() -> None:
        nonlocal taken
        taken += 1
        if taken == step:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event in STEPS and (event != "open" or str(arguments[0]).startswith(str(root))):
            next_step()

    sync = os.fsync

    def fsync(descriptor: int) -> None:
        next_step()
        sync(descriptor)

    try:
        os.fsync = fsync  # it raises no event of its own
        sys.addaudithook(watch)
        act()
        os._exit(0)
    finally:
        os._exit(1)


def each_kill(shop: Shop, act: Callable[[], None]) -> Iterator[int]:
    """The app as ``act`` leaves it, killed at its first step, at its second, and so on."""
    former = shop.root.with_name("former")
    shutil.copytree(shop.root, former, symlinks=True)
    step = 1
    while killed_at(step, shop.root, act):
        yield step
        shutil.rmtree(shop.root)
        shutil.copytree(former, shop.root, symlinks=True)
        step += 1
    assert step > 20, "hardly anything was seen of what it does"


def test_a_deployment_killed_at_any_step_is_finished_by_the_next(shop: Shop) -> None:
    served = set()
    for _step in each_kill(shop, lambda: shop.deploy("2.0")):
        served.add(shop.served())
        assert describe(str(shop.root)).rollback_target in ("0.9", "1.0")
        shop.deploy("2.0")
        assert shop.served() == "2.0"
        shop.is_clean()
        states = {each["version"]: each["state"] for each in describe(str(shop.root)).releases}
        assert states == {"1.0": "good", "2.0": "good"}
    assert served == {"1.0", "2.0"}


def test_a_deployment_killed_at_any_step_can_be_rolled_back(shop: Shop) -> None:
    for _step in each_kill(shop, lambda: shop.deploy("2.0")):
        began = describe(str(shop.root)).pending is not None or shop.served() == "2.0"
        target = describe(str(shop.root)).rollback_target
        assert target == ("1.0" if began else "0.9")
        assert shop.do("rolled_back").version == shop.served() == target
        shop.is_clean()


def test_a_rollback_killed_at_any_step_is_finished_by_the_next_and_goes_no_further(shop: Shop) -> None:
    served = set()
    for _step in each_kill(shop, lambda: shop.do("rolled_back")):
        served.add(shop.served())
        pending = describe(str(shop.root)).pending
        if shop.served() == "0.9" and pending is None:
            continue  # killed after all was done and recorded
        assert shop.do("rolled_back").version == shop.served() == "0.9"
        shop.is_clean()
    assert served == {"0.9", "1.0"}


def test_a_pruning_killed_at_any_step_is_finished_by_the_next(shop: Shop) -> None:
    for _step in each_kill(shop, lambda: shop.do("pruned")):
        assert shop.served() == "1.0"
        assert describe(str(shop.root)).rollback_target == "0.9"
        shop.do("pruned")
        shop.is_clean()
        assert {each["version"] for each in describe(str(shop.root)).releases} == {"0.9", "1.0"}


@pytest.fixture
def undeletable(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Have nothing be deleted, as where a service has written files of another user; returns what undoes that."""

    def refuse(folder: Path) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), str(folder))

    original = layout.remove_tree
    monkeypatch.setattr(layout, "remove_tree", refuse)
    return lambda: monkeypatch.setattr(layout, "remove_tree", original)


def test_what_cannot_be_deleted_fails_neither_a_deployment_nor_the_way_back(
    shop: Shop, undeletable: Callable[[], None]
) -> None:
    assert "Operation not permitted" in shop.do("staged", "2.0").warnings[0]
    done = shop.do("active", "2.0")
    assert (done.pruned, shop.served()) == (("0.8", "0.9"), "2.0")
    assert str(shop.root / ".strata/incoming-") in done.warnings[0]
    back = shop.do("rolled_back")
    assert (back.version, shop.served()) == ("1.0", "1.0")
    assert "Operation not permitted" in back.warnings[0]
    undeletable()
    assert shop.do("pruned").warnings == ()
    shop.is_clean()


def test_a_release_that_cannot_be_taken_away_stays_as_bad_until_it_can_be(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove, problems = ArchiveInstaller.remove, [StrataError("docker does not answer")]

    def stubborn(self: ArchiveInstaller, folder: Path) -> None:
        if folder.name == "0.8" and problems:
            raise problems[0]
        remove(self, folder)

    monkeypatch.setattr(ArchiveInstaller, "remove", stubborn)
    for version in ("2.0", "1.0"):
        shop.do("staged", version)
        assert "docker does not answer" in shop.do("active", version).warnings[0]
        left = next(each for each in describe(str(shop.root)).releases if each["version"] == "0.8")
        assert (left["state"], left["reason"]) == ("bad", "It could not be deleted: docker does not answer")
    problems.clear()
    assert shop.do("pruned").pruned == ("0.8",)
    shop.is_clean()


def test_what_was_left_half_done_and_cannot_be_taken_away_does_not_bar_the_way_back(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Layout, folder: Path) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))

    half_done = replace(load(shop.root / ".strata/state.json"), replacing="0.9", removing=("0.8",))
    save(shop.root / ".strata/state.json", half_done)
    monkeypatch.setattr(Layout, "discard", refuse)
    shop.do("pruned")
    states = {each["version"]: each["state"] for each in describe(str(shop.root)).releases}
    assert states == {"0.8": "bad", "0.9": "bad", "1.0": "good"}


def test_what_was_made_current_by_hand_is_not_deleted_as_half_done(shop: Shop) -> None:
    save(shop.root / ".strata/state.json", replace(load(shop.root / ".strata/state.json"), removing=("0.9",)))
    (shop.root / "current").unlink()
    (shop.root / "current").symlink_to("releases/0.9")
    current = describe(str(shop.root)).current
    assert current
    assert (current["version"], current["state"]) == ("0.9", "good")
    shop.do("pruned")
    assert shop.served() == "0.9"


def test_a_release_whose_folder_is_gone_is_not_told_of_nor_rolled_back_to(shop: Shop) -> None:
    shutil.rmtree(shop.root / "releases/0.9")
    report = describe(str(shop.root))
    assert [each["version"] for each in report.releases] == ["1.0", "0.8"]
    assert report.rollback_target == "0.8"
    assert shop.do("rolled_back").version == shop.served() == "0.8"


def test_an_unfinished_rollback_to_what_is_gone_leads_further_back(shop: Shop) -> None:
    path = shop.root / ".strata/state.json"
    save(path, replace(load(path), intent=Intent("roll_back", "0.9", "2026-01-01T00:00:00Z", "1.0")))
    shutil.rmtree(shop.root / "releases/0.9")
    assert shop.do("rolled_back").version == shop.served() == "0.8"


def test_a_current_release_whose_folder_is_gone_can_be_staged_again(shop: Shop) -> None:
    shutil.rmtree(shop.root / "releases/1.0")
    assert describe(str(shop.root)).rollback_target == "0.9"
    shop.deploy("1.0")
    assert shop.served() == "1.0"


def test_a_clock_that_goes_back_changes_neither_the_way_back_nor_what_is_kept(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (activation, staging, state):
        monkeypatch.setattr(module, "utc_now", lambda: "2020-01-01T00:00:00Z")
    shop.deploy("2.0", keep=2)
    report = describe(str(shop.root))
    assert [each["version"] for each in report.releases] == ["2.0", "1.0"]
    assert report.rollback_target == "1.0"
    monkeypatch.setattr(staging, "utc_now", lambda: "2999-01-01T00:00:00Z")
    shop.do("staged", "0.9")
    ages = {each["version"]: each["age"] for each in describe(str(shop.root)).releases}
    assert ages["0.9"] == 0
    assert ages["2.0"] > ages["1.0"] >= 0


def mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")


@pytest.fixture
def disk(shop: Shop) -> Iterator[Path]:
    """A file system of its own that holds the app."""
    if os.geteuid() != 0:
        pytest.skip("only root mounts file systems")
    place = shop.root.parent
    former = place.with_name("former")
    place.rename(former)
    place.mkdir()
    mount("-t", "tmpfs", "-o", "size=512k", "tmpfs", str(place))
    try:
        shutil.copytree(former, place, symlinks=True, dirs_exist_ok=True)
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def fill(disk: Path, left: int) -> Path:
    """Fill a disk up to so many blocks."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as output:
        room = os.statvfs(disk)
        output.write(b"x" * max(room.f_bavail - left, 0) * room.f_frsize)
    return filler


def test_on_a_disk_that_fills_up_the_old_release_goes_on_and_the_next_run_finishes(
    shop: Shop, disk: Path
) -> None:
    former = disk.with_name("former") / "shop"
    failed = succeeded = 0
    for left in range(24):
        filler = fill(disk, left)
        error = None
        try:
            shop.deploy("2.0")
        except StrataError as raised:
            error = raised
        if error is None:
            succeeded += 1
            assert shop.served() == "2.0"
        else:
            failed += 1
            assert "No space left on device" in str(error) or "nothing was fetched" in str(error)
            assert shop.served() == ("2.0" if error.details.get("changed") else "1.0")
        filler.unlink()
        shop.deploy("2.0")
        assert shop.served() == "2.0"
        shop.is_clean()
        shutil.rmtree(shop.root)
        shutil.copytree(former, shop.root, symlinks=True)
    assert failed
    assert succeeded


def test_on_a_full_disk_nothing_changes_and_the_way_back_is_open_again_once_there_is_room(
    shop: Shop, disk: Path
) -> None:
    filler = fill(disk, 0)
    for verb, version in (("rolled_back", None), ("pruned", None)):
        with pytest.raises(StrataError, match="No space left on device"):
            shop.do(verb, version)
        assert shop.served() == "1.0"
    filler.unlink()
    assert shop.do("rolled_back").version == shop.served() == "0.9"
    shop.is_clean()


def test_on_a_read_only_disk_nothing_changes_and_the_error_says_so(shop: Shop, disk: Path) -> None:
    mount("-o", "remount,ro", str(disk))
    for verb, version in (("staged", "2.0"), ("active", "0.9"), ("rolled_back", None), ("pruned", None)):
        with pytest.raises(StrataError, match=os.strerror(errno.EROFS)) as raised:
            shop.do(verb, version)
        assert not raised.value.details.get("changed")
        assert shop.served() == "1.0"
    assert describe(str(shop.root)).rollback_target == "0.9"
    mount("-o", "remount,rw", str(disk))
    shop.deploy("2.0")
    assert shop.served() == "2.0"
    shop.is_clean()
