# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to a host: a process killed at every step, a disk that is full, one that is read-only."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest
from fixtures.deployed_shop import Shop

from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.description import describe
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

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
