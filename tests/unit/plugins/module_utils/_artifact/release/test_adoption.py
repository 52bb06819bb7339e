# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders that Capistrano, Ansistrano and deploy_helper left, taken over in place."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Callable

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._analysis.health import HealthCheck
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.activation import ensure_active
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.bring_up import Activation
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.description import describe
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.pruning import ensure_pruned
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.rollback import (
    ensure_rolled_back,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

PLAIN = Activation()
LOG = """\
Branch main (at 1a2b3c4) deployed as release 20260101120000 by anna
Branch main (at 5d6e7f8) deployed as release 20260103120000 by ben
Branch main (at 9a0b1c2) deployed as release 20260104120000 by anna
anna rolled back to release 20260103120000
"""


@pytest.fixture
def old(root: Path) -> Path:
    """As Capistrano leaves it: the third release is current, the fourth was rolled back from, the second never current."""
    (root / "shared/log").mkdir(parents=True)
    (root / "shared/.env").write_text("SECRET=1")
    for day in ("01", "02", "03", "04"):
        release = root / f"releases/202601{day}120000"
        release.mkdir(parents=True)
        (release / "app.py").write_text(release.name)
        (release / "REVISION").write_text(f"{day}a2b3c4\n")
        (release / "log").symlink_to(root / "shared/log")
        (release / ".env").symlink_to(root / "shared/.env")
    (root / "revisions.log").write_text(LOG)
    (root / "current").symlink_to(root / "releases/20260103120000")
    os.utime(root / "current", (1767571200, 1767571200), follow_symlinks=False)
    return root


def names(root: Path) -> list[str]:
    return sorted(each.name[6:8] for each in (root / "releases").iterdir())


def found(root: Path) -> dict[str, tuple[str, str | None]]:
    return {each["version"][6:8]: (each["state"], each["reason"]) for each in describe(str(root)).releases}


def test_it_is_seen_before_anything_is_written(old: Path) -> None:
    report = describe(str(old))
    assert report.current
    assert (report.current["version"], report.current["state"]) == ("20260103120000", "good")
    assert report.current["since"] == "2026-01-05T00:00:00Z"
    assert report.rollback_target == "20260101120000"
    assert found(old) == {
        "01": ("good", None),
        "02": ("bad", "It was never current (revisions.log)."),
        "03": ("good", None),
        "04": ("bad", "It is newer than the release that was current when it was adopted."),
    }
    first = next(each for each in report.releases if each["version"] == "20260101120000")
    assert first == {
        **first,
        "adopted": True,
        "checksum": "unknown",
        "origin": "revision 01a2b3c4",
        "deployed_by": "anna",
        "staged_at": "2026-01-01T12:00:00Z",
        "size": None,
    }
    assert not (old / ".strata").exists()


def test_the_first_deployment_takes_over_and_deletes_nothing_old(
    old: Path, stage: Callable[..., Any]
) -> None:
    planned = stage("2.0", check_mode=True)
    assert planned.before["current"] == "20260103120000"
    assert len(planned.before["releases"]) == 4
    assert not (old / ".strata").exists()
    for version in ("2.0", "2.1", "2.2"):
        stage(version)
        done = ensure_active(str(old), version, PLAIN, keep=1)
    assert (done.previous, done.pruned) == ("2.1", ("2.0",))
    assert names(old)[-4:] == ["01", "02", "03", "04"]
    assert (old / "current/app.py").read_text() == "2.2"


def test_it_can_be_rolled_back_to_with_its_shared_links(old: Path, stage: Callable[..., Any]) -> None:
    stage("2.0", shared=("log",))
    ensure_active(str(old), "2.0", PLAIN)
    for expected in ("20260103120000", "20260101120000"):
        assert ensure_rolled_back(str(old), None, PLAIN).version == expected
        assert (old / "current/app.py").read_text() == expected
        assert (old / "current/.env").read_text() == "SECRET=1"
        (old / "current/log/production.log").write_text(expected)
    assert (old / "shared/log/production.log").read_text() == "20260101120000"
    with pytest.raises(StrataError, match="no earlier good release"):
        ensure_rolled_back(str(old), None, PLAIN)


def test_a_rollback_may_be_the_first_thing_that_is_done(old: Path) -> None:
    assert ensure_rolled_back(str(old), None, PLAIN).version == "20260101120000"
    assert os.readlink(old / "current") == "releases/20260101120000"


def test_what_was_never_current_is_no_target(old: Path) -> None:
    with pytest.raises(StrataError, match=r"never current \(revisions\.log\)"):
        ensure_rolled_back(str(old), "20260102120000", PLAIN)


@pytest.fixture
def unversioned() -> Iterator[str]:
    """A health URL that does not tell its version."""

    class Fine(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_arguments: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Fine) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_its_version_header_is_not_compared(old: Path, stage: Callable[..., Any], unversioned: str) -> None:
    health = HealthCheck(unversioned, version_header="X-Version", timeout=1.0)
    assert describe(str(old), health=health).healthy is True
    assert ensure_rolled_back(str(old), None, Activation(health=health)).version == "20260101120000"
    stage("2.0")
    with pytest.raises(StrataError, match="no X-Version header"):
        ensure_active(str(old), "2.0", Activation(health=health))


def test_it_is_pruned_when_that_is_asked_for(old: Path) -> None:
    assert not ensure_pruned(str(old), keep=1).changed
    planned = ensure_pruned(str(old), keep=1, adopted=True, check_mode=True)
    assert names(old) == ["01", "02", "03", "04"]
    done = ensure_pruned(str(old), keep=1, adopted=True)
    assert done.pruned == planned.pruned == ("20260102120000",)
    assert (done.version, done.state, done.after) == ("20260103120000", "good", planned.after)
    assert names(old) == ["01", "03", "04"]


def test_what_was_rolled_back_from_is_no_target_unless_it_was_deployed_again(old: Path) -> None:
    for again, expected in (("", "bad"), ("ben rolled back to release 20260102120000\n", "good")):
        (old / "revisions.log").write_text(
            "Branch main (at 1a2b3c4) deployed as release 20260101120000 by anna\n"
            "Branch main (at 5d6e7f8) deployed as release 20260102120000 by ben\n"
            f"anna rolled back to release 20260101120000\n{again}"
            "Branch main (at 9a0b1c2) deployed as release 20260103120000 by anna\n"
        )
        assert found(old)["02"][0] == expected
        assert found(old)["01"][0] == ("good" if expected == "bad" else "bad")


def test_without_a_log_older_ones_are_good_but_for_unfinished_ones(old: Path) -> None:
    (old / "revisions.log").unlink()
    (old / "releases/20260101120000/DEPLOY_UNFINISHED").touch()
    assert {day: state for day, (state, _reason) in found(old).items()} == {
        "01": "bad",
        "02": "good",
        "03": "good",
        "04": "bad",
    }
    assert "never finished" in str(found(old)["01"][1])


def test_a_log_that_does_not_know_the_current_one_proves_nothing(old: Path) -> None:
    (old / "revisions.log").write_text(LOG.splitlines()[0] + "\n")
    assert found(old)["02"] == ("good", None)


@pytest.mark.parametrize("link", ["./releases/b", "releases/b"])
def test_other_names_are_put_in_the_order_of_their_folders(root: Path, link: str) -> None:
    for age, name in enumerate(("c", "b", "a", "not a version", ".hidden")):
        (root / "releases" / name).mkdir(parents=True)
        os.utime(root / "releases" / name, (1_700_000_000 + age, 1_700_000_000 + age))
    (root / "releases/file").touch()
    (root / "releases/link").symlink_to("a")
    (root / "current").symlink_to(link)
    report = describe(str(root))
    assert {each["version"]: each["state"] for each in report.releases} == {
        "c": "good",
        "b": "good",
        "a": "bad",
    }
    assert report.rollback_target == "c"


def test_without_a_current_release_nothing_is_taken_over(root: Path, stage: Callable[..., Any]) -> None:
    (root / "releases/20260101120000").mkdir(parents=True)
    assert describe(str(root)).releases == []
    with pytest.raises(StrataError, match="not one of Strata's"):
        stage("20260101120000")


@pytest.mark.parametrize("name", ["2026 01", "_1", "1~rc1", "link"])
def test_a_current_one_that_can_be_no_release_is_a_clear_error(
    root: Path, stage: Callable[..., Any], name: str
) -> None:
    (root / "releases/1.0").mkdir(parents=True)
    if name == "link":
        (root / "releases/link").symlink_to("1.0")
    else:
        (root / "releases" / name).mkdir()
    (root / "current").symlink_to(f"releases/{name}")
    for act in (lambda: describe(str(root)), lambda: stage("2.0")):
        with pytest.raises(StrataError, match="cannot be taken over"):
            act()


def test_what_the_other_tool_deployed_later_is_taken_over_too(old: Path, stage: Callable[..., Any]) -> None:
    stage("2.0")
    ensure_active(str(old), "2.0", PLAIN)
    (old / "releases/20260109120000").mkdir()
    (old / "current").unlink()
    (old / "current").symlink_to("releases/20260109120000")
    report = describe(str(old))
    assert report.current
    assert (report.current["state"], report.rollback_target) == ("good", "2.0")
    assert ensure_rolled_back(str(old), None, PLAIN).previous == "20260109120000"


def test_what_the_other_tool_deleted_later_is_no_target(old: Path, stage: Callable[..., Any]) -> None:
    for version in ("1.0", "2.0"):
        stage(version)
        ensure_active(str(old), version, PLAIN)
    shutil.rmtree(old / "releases/2.0")
    (old / "releases/20260109120000").mkdir()
    (old / "current").unlink()
    (old / "current").symlink_to("releases/20260109120000")
    assert describe(str(old)).rollback_target == "1.0"
    assert ensure_rolled_back(str(old), None, PLAIN).version == "1.0"
    assert "2.0" not in [each["version"] for each in describe(str(old)).releases]


def test_it_is_never_rebuilt(old: Path, stage: Callable[..., Any]) -> None:
    for version in ("20260103120000", "20260101120000"):
        with pytest.raises(StrataError, match="a version is never rebuilt"):
            stage(version)
