# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole life of releases through the modules, under a real supervisord with a real HTTP server."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any, Callable

import pytest
from programs import need

Run = Callable[..., dict[str, Any]]


class Shop:
    """The modules, given what they need of one app on this host."""

    def __init__(self, run_module: Run, supervised: Any, build_shop: Callable[..., Any]) -> None:
        self._run, self._at, self._build = run_module, supervised, build_shop

    def stage(self, version: str, mode: str = "fine", **options: Any) -> dict[str, Any]:
        built = self._build(version, mode)
        arguments = {"url": built.url, "checksum": built.checksum, **options}
        return self._run(
            "release", {"path": str(self._at.root), "version": version, "state": "staged", **arguments}
        )

    def to(
        self, state: str, version: str | None = None, *, check: bool = False, **options: Any
    ) -> dict[str, Any]:
        arguments = {
            "path": str(self._at.root),
            "state": state,
            "service": self._at.service,
            "health": self._at.health,
        }
        return self._run(
            "release", {**arguments, **({"version": version} if version else {}), **options}, check=check
        )

    def info(self, **options: Any) -> dict[str, Any]:
        arguments = {"path": str(self._at.root), "service": self._at.service, "health": self._at.health}
        return self._run("release_info", {**arguments, **options})

    def served(self) -> tuple[str, int]:
        with urllib.request.urlopen(self._at.health["url"], timeout=5) as answer:
            return answer.headers["X-Version"], int(answer.headers["X-Pid"])

    def deploy(self, *versions: str) -> dict[str, Any]:
        for version in versions:
            assert not self.stage(version)["failed"]
            result = self.to("active", version)
            assert not result["failed"], result
        return result


@pytest.fixture
def shop(run_module: Run, supervised: Any, build_shop: Callable[..., Any]) -> Shop:
    return Shop(run_module, supervised, build_shop)


def test_a_release_is_staged_activated_and_rolled_back(shop: Shop) -> None:
    first = shop.deploy("1.0")
    assert (first["changed"], first["previous"], first["state"]) == (True, None, "good")
    assert shop.served() == ("1.0", first["service"]["pid"])

    assert shop.stage("2.0", deployment="d2 by anna")["changed"]
    assert shop.served() == ("1.0", first["service"]["pid"])
    planned = shop.to("active", "2.0", check=True)
    assert shop.served() == ("1.0", first["service"]["pid"])
    second = shop.to("active", "2.0")
    assert second["diff"] == planned["diff"]
    assert second["diff"]["after"] == {"current": "2.0", "releases": {"1.0": "good", "2.0": "good"}}
    assert (second["changed"], second["previous"]) == (True, "1.0")
    assert (second["health"]["version"], second["health"]["status"]) == ("2.0", 200)
    assert shop.served() == ("2.0", second["service"]["pid"])
    assert second["service"]["pid"] != first["service"]["pid"]

    again = shop.to("active", "2.0")
    assert (again["changed"], again["service"]["pid"], again["health"]["healthy"]) == (
        False,
        second["service"]["pid"],
        True,
    )
    assert not shop.stage("2.0")["changed"]

    back = shop.to("rolled_back", reason="orders are slow")
    assert (back["changed"], back["version"], back["previous"]) == (True, "1.0", "2.0")
    assert shop.served() == ("1.0", back["service"]["pid"])
    report = shop.info()
    assert [(r["version"], r["state"], r["reason"]) for r in report["releases"]] == [
        ("1.0", "good", None),
        ("2.0", "bad", "orders are slow"),
    ]


def test_a_release_whose_health_answers_500_fails_and_is_put_back(shop: Shop) -> None:
    shop.deploy("1.0")
    shop.stage("2.0", "sick")
    failed = shop.to("active", "2.0", health={"url": shop._at.health["url"], "timeout": 0.5})
    assert (failed["failed"], failed["untouched"]) == (True, False)
    assert (failed["version"], failed["previous"], failed["state"]) == ("2.0", "1.0", "bad")
    assert failed["last"] == "status 500 instead of 200: no database"
    assert "status 500 instead of 200" in failed["msg"]
    report = shop.info()
    assert (report["current"]["version"], report["current"]["state"], report["healthy"]) == (
        "2.0",
        "bad",
        False,
    )
    assert shop.to("rolled_back")["version"] == "1.0"
    assert shop.served()[0] == "1.0"
    assert shop.info()["healthy"]


class Standing:
    """A host with 1.0 active and 2.0 staged, without a service, and how its state is brought about."""

    def __init__(self, run_module: Run, build: Callable[..., Any], root: Path) -> None:
        self._run, self._build, self.root = run_module, build, root
        for version in ("1.0", "2.0"):
            self.stage(version)
        assert not self.to("active", "1.0")["failed"]

    def stage(self, version: str) -> dict[str, Any]:
        built = self._build(f"shop-{version}", {"app.py": version})
        return self.to("staged", version, url=built.url, checksum=built.checksum)

    def to(self, state: str, version: str | None = None, **options: Any) -> dict[str, Any]:
        given = {"path": str(self.root), "state": state, "version": version, "keep": 2, **options}
        return self._run("release", {name: value for name, value in given.items() if value is not None})

    def fails(self, state: str, version: str | None = None, **options: Any) -> tuple[Any, Any, Any]:
        """What the failure tells of the host, which must be what `release_info` tells of it."""
        failed = self.to(state, version, **options)
        assert failed["failed"], failed
        info = self._run("release_info", {"path": str(self.root)})
        assert (failed["current"], failed["pending"]) == (info["current"], info["pending"])
        current, pending = failed["current"] or {}, failed["pending"] or {}
        return failed["untouched"], (current.get("version"), current.get("state")), pending.get("version")

    def move_link(self, version: str) -> None:
        (self.root / "current").unlink()
        (self.root / "current").symlink_to(f"releases/{version}")


@pytest.fixture
def standing(run_module: Run, build: Callable[..., Any], tmp_path: Path) -> Standing:
    return Standing(run_module, build, tmp_path / "srv" / "shop")


NO_QUIESCE = {"quiesce": ["/bin/false"]}
NO_HEALTH = {"health": {"url": "http://127.0.0.1:1/", "timeout": 0.01, "interval": 0.01}}


def test_a_host_is_untouched_where_nothing_was_switched(standing: Standing) -> None:
    good = ("1.0", "good")
    assert standing.fails("active", "2.0", **NO_QUIESCE) == (True, good, None)
    assert standing.fails("active", "3.0") == (True, good, None)
    assert standing.fails("rolled_back") == (True, good, None)
    assert standing.fails("rolled_back", "2.0") == (True, good, None)
    assert standing.fails("failed", "2.0", reason="no cache") == (True, good, None)


def test_a_host_whose_link_somebody_moved_is_not_untouched(standing: Standing) -> None:
    standing.move_link("2.0")
    moved = ("2.0", "staged")
    wrong = {"health": {"url": "nowhere"}}
    assert standing.fails("active", "2.0", **wrong) == (False, moved, None)
    assert standing.fails("active", "3.0") == (False, moved, None)
    assert standing.fails("rolled_back", "3.0") == (False, moved, None)
    assert standing.fails("failed", "3.0", reason="no cache") == (False, moved, None)
    assert standing.fails("failed", "2.0", reason="no cache") == (False, ("2.0", "bad"), None)


def test_a_host_on_which_a_dead_run_left_something_is_not_untouched(standing: Standing) -> None:
    assert standing.to("active", "2.0", link_only=True, deployment="dead")["changed"]
    left = ("2.0", "staged")
    assert standing.fails("active", "3.0", deployment="next") == (False, left, "2.0")
    assert standing.fails("active", "2.0", health={"url": "nowhere"}) == (False, left, "2.0")
    assert standing.fails("rolled_back", "3.0") == (False, left, "2.0")


def test_an_activation_or_a_rollback_that_fails_after_the_switch_tells_where_the_host_is(
    standing: Standing,
) -> None:
    assert standing.fails("active", "2.0", **NO_HEALTH) == (False, ("2.0", "bad"), None)
    assert standing.fails("rolled_back", **NO_HEALTH) == (False, ("1.0", "good"), "1.0")
    assert standing.fails("active", "2.0", **NO_QUIESCE) == (False, ("1.0", "good"), "1.0")


def test_a_rollback_that_has_nowhere_to_go_leaves_a_bad_release(standing: Standing) -> None:
    standing.fails("active", "1.0", **NO_HEALTH)
    assert standing.fails("rolled_back") == (False, ("1.0", "bad"), None)


@pytest.mark.parametrize("state", ["active", "rolled_back", "failed"])
def test_a_host_without_a_current_release_is_not_untouched(standing: Standing, state: str) -> None:
    (standing.root / "current").unlink()
    assert standing.fails(state, "3.0", reason="no cache") == (False, (None, None), None)


@pytest.mark.parametrize("state", ["active", "rolled_back", "failed"])
def test_a_host_whose_state_cannot_be_read_is_not_untouched(standing: Standing, state: str) -> None:
    (standing.root / ".strata/state.json").write_text("torn")
    failed = standing.to(state, "2.0", reason="no cache")
    assert (failed["failed"], failed["untouched"]) == (True, False)
    assert (failed["current"], failed["pending"]) == (None, None)
    assert "state.json" in failed["msg"]


def test_staging_touches_nothing_that_runs(standing: Standing) -> None:
    standing.move_link("2.0")
    lost = {"url": "/nowhere", "checksum": "unverified"}
    assert standing.fails("staged", "3.0", **lost) == (True, ("2.0", "staged"), None)


def test_a_crash_loop_is_noticed_at_once_with_the_last_lines(shop: Shop) -> None:
    shop.deploy("1.0")
    shop.stage("2.0", "crash")
    started = time.monotonic()
    failed = shop.to("active", "2.0", health={**shop._at.health, "timeout": 60})
    assert time.monotonic() - started < 20
    assert failed["failed"]
    assert "ended right after its start (BACKOFF" in failed["msg"] or "started again" in failed["msg"]
    assert failed["log"] == ["shop: cannot read postgresql://***@db/shop"] * len(failed["log"])
    assert failed["log"]
    assert failed["log"][0] in failed["msg"]
    assert "s3cret" not in json.dumps(failed)
    assert shop.info()["releases"][-1]["reason"].startswith("Service 'shop' ended")
    assert shop.to("rolled_back")["version"] == "1.0"


def test_a_release_without_its_program_fails(shop: Shop, build: Callable[..., Any]) -> None:
    built = build("empty", {"README": ""})
    arguments = {"path": str(shop._at.root), "version": "1.0", "state": "staged"}
    shop._run("release", {**arguments, "url": built.url, "checksum": "unverified"})
    failed = shop.to("active", "1.0")
    assert failed["failed"]
    assert "serve.py" in failed["msg"]
    nothing = shop.to("rolled_back")
    assert nothing["failed"]
    assert "no earlier good release" in nothing["msg"]


def test_without_a_health_check_the_supervisor_must_take_it_for_running(shop: Shop) -> None:
    shop.stage("1.0")
    result = shop.to("active", "1.0", health=None)
    assert (result["failed"], result["service"]["state"], result["health"]) == (False, "running", None)
    shop.stage("2.0", "crash")
    assert shop.to("active", "2.0", health=None)["failed"]


def test_a_left_over_child_is_not_taken_for_the_new_process(shop: Shop) -> None:
    shop.stage("1.0", "orphan")
    # Only the child serves; its parent is what the supervisor knows and stops.
    assert not shop.to("active", "1.0")["failed"]
    orphan = shop.served()[1]
    shop.stage("1.1", "orphan")
    try:
        failed = shop.to("active", "1.1", health={"url": shop._at.health["url"], "timeout": 0.5})
        assert failed["failed"]
        assert "another process answers there" in failed["msg"]
        assert shop.info()["current"] == {**shop.info()["current"], "version": "1.1", "state": "bad"}
    finally:
        os.kill(orphan, signal.SIGKILL)


def test_a_service_that_died_is_started_again_by_the_same_release(shop: Shop) -> None:
    first = shop.deploy("1.0")
    assert not shop.to("active", "1.0")["changed"]
    proxy = shop.info()
    assert proxy["service_state"] in ("starting", "running")
    (shop._at.root / "releases/1.0/mode").write_text("crash")
    os.kill(first["service"]["pid"], signal.SIGKILL)
    deadline = time.monotonic() + 20
    while shop.info()["service_state"] in ("starting", "running"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    (shop._at.root / "releases/1.0/mode").write_text("fine")
    again = shop.to("active", "1.0")
    assert (again["failed"], again["changed"]) == (False, True)
    assert again["diff"]["before"] != again["diff"]["after"]
    assert shop.served() == ("1.0", again["service"]["pid"])


def test_an_unknown_service_is_an_error_before_anything_changes(shop: Shop) -> None:
    shop.deploy("1.0")
    shop.stage("2.0")
    for options, why in (
        ({"service": {**shop._at.service, "name": "shap"}}, "knows no process 'shap'"),
        ({"service": {**shop._at.service, "address": "unix:///nowhere"}}, "did not answer"),
    ):
        failed = shop.to("active", "2.0", **options)
        assert (failed["failed"], failed["untouched"]) == (True, True)
        assert why in failed["msg"]
    report = shop.info()
    assert (report["current"]["version"], report["pending"]) == ("1.0", None)


def test_no_secret_is_in_any_answer_nor_in_the_hosts_log(shop: Shop, logged: list[str]) -> None:
    shop.deploy("1.0")
    health = {"url": f"http://anna:hea1th@127.0.0.1:{shop._at.port}/?k=t0ken"}
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        dead = f"http://anna:f3tch@127.0.0.1:{nobody.getsockname()[1]}/a?X-Signature=s1gned"
    answers = [
        shop.info(health=health),
        shop.to("active", "1.0", health=health),
        shop.to("active", "1.0", health={"url": health["url"].replace("http:", "htp:")}),
        shop.stage("2.0", url=dead, fetch_retries=0),
        shop.to("active", "1.0", service={**shop._at.service, "name": "shap"}),
        shop.to("active", "1.0", service={**shop._at.service, "address": "unix://deploy:s3cret"}),
    ]
    assert [each["failed"] for each in answers] == [False, False, True, True, True, True]
    for each in answers:
        for secret in ("s3cret", "s.sock", "hea1th", "t0ken", "f3tch", "s1gned"):
            assert secret not in json.dumps(each), secret
    assert "Connection refused" in answers[3]["msg"]
    assert len(logged) >= len(answers)
    assert all("Invoked with" in each for each in logged)
    for secret in ("s3cret", "hea1th", "t0ken", "f3tch", "s1gned"):
        assert secret not in "".join(logged), secret


def test_no_secret_of_a_source_is_in_any_answer_nor_in_the_hosts_log(
    shop: Shop, logged: list[str], free_port: int
) -> None:
    dead = f"http://127.0.0.1:{free_port}"
    secrets = {
        "headers": {"Authorization": "Bearer s3cret-token", "X-Short": "zq9"},
        "username": "anna",
        "password": "s3cret-word",
        "checksum": f"{dead}/SHA256SUMS?sig=s3cret-list",
        "signature": {
            "format": "ssh",
            "key": "ssh-ed25519 AAAA",
            "url": f"{dead}/a.sig?sig=s3cret-signature",
        },
        "fetch_retries": 0,
    }
    unverified = {**secrets, "checksum": "unverified"}
    answers = [
        shop.stage("1.0", url=f"{dead}/a", **secrets),
        shop.stage("1.0", url=f"{dead}/a", **unverified),
        shop.stage("1.0", url=f"{dead}/a", **{**unverified, "signature": None}),
        shop.stage("1.0", url=f"{dead}/a", **{**unverified, "headers": {"X\nY": "s3cret-token"}}),
        shop.stage("1.0", **{**secrets, "url": "/a", "checksum": "ftp://h/?s3cret-list"}),
    ]
    for each, why in zip(answers, ("SHA256SUMS: ", "a.sig: ", f"{dead}/a: ", "The header", "checksum")):
        assert each["failed"]
        assert why in each["msg"]
        assert "s3cret" not in json.dumps(each)
        assert "zq9" not in json.dumps(each)
    assert "s3cret" not in "".join(logged)
    assert "zq9" not in "".join(logged)
    assert answers[0]["invocation"]["module_args"]["username"] == "anna"


def test_an_artifact_is_staged_with_all_that_its_source_needs(shop: Shop, build: Any, tmp_path: Path) -> None:
    need("ssh-keygen")
    built = build("signed")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
    sign = ["ssh-keygen", "-q", "-Y", "sign", "-f", tmp_path / "key", "-n", "shop", built.path]
    (tmp_path / "SHA256SUMS").write_text(f"{built.checksum[7:]}  signed.tar.gz\n")
    signature = {"format": "ssh", "key": (tmp_path / "key.pub").read_text(), "namespace": "shop"}
    options = {"url": built.url, "checksum": str(tmp_path / "SHA256SUMS"), "signature": signature}
    missing = shop.stage("1.0", **options)
    assert (missing["failed"], missing["untouched"]) == (True, True)
    assert "signed.tar.gz.sig: No such file" in missing["msg"]
    subprocess.run(sign, check=True)
    other = shop.stage("1.0", **{**options, "signature": {**signature, "namespace": "other"}})
    assert "Verifying the signature of" in other["msg"]
    assert not list(shop._at.root.glob("releases/*"))
    assert not list(shop._at.root.glob(".strata/incoming-*"))
    staged = shop.stage("1.0", **options)
    assert staged["changed"], staged
    assert shop.info()["releases"][0]["checksum"] == built.checksum
    assert not shop.stage("1.0", **options)["changed"]
    (tmp_path / "SHA256SUMS").write_text(f"{'1' * 64}  signed.tar.gz\n")
    mismatch = shop.stage("1.0", **options)
    assert f"its checksum is {built.checksum}, not sha256:{'1' * 64}" in mismatch["msg"]


def test_urls_without_a_secret_are_readable(shop: Shop, free_port: int) -> None:
    url = f"http://127.0.0.1:{free_port}/a.tar.gz"
    assert f"Fetching {url}: " in shop.stage("1.0", url=url, fetch_retries=0)["msg"]
    assert "Fetching /nowhere/a.tar.gz: " in shop.stage("1.0", url="/nowhere/a.tar.gz")["msg"]
    shop.deploy("1.0")
    shop.stage("2.0", "sick")
    failed = shop.to("active", "2.0", health={"url": shop._at.health["url"], "timeout": 0.2})
    assert f"{shop._at.health['url']} was not healthy" in failed["msg"]
    assert failed["changed"]
    assert failed["invocation"]["module_args"]["health"]["url"] == shop._at.health["url"]
    assert failed["invocation"]["module_args"]["health"]["status"] == 200


def test_the_contents_of_rendered_files_are_shown_nowhere(shop: Shop, logged: list[str]) -> None:
    files = [{"path": ".env", "content": "TOKEN=hunter2\nPORT=1\n"}, {"path": "one", "content": "1"}]
    results = [
        shop.stage("1.0", files=files),
        shop.stage("1.0", files=files),
        shop.stage("2.0", files=[{**files[0], "mode": "416"}]),
        shop.stage("2.0", files=[{**files[0], "contents": "hunter2"}]),
        shop.info(),
    ]
    assert [result["changed"] for result in results[:2]] == [True, False]
    assert [result["failed"] for result in results] == [False, False, True, True, False]
    assert (shop._at.root / "releases/1.0/.env").read_text() == files[0]["content"]
    for text in (json.dumps(results), "\n".join(logged)):
        assert "hunter2" not in text
    # What is short and not secret elsewhere is not blotted out for it.
    assert results[0]["version"] == "1.0"


def test_a_service_is_restarted_only_once_the_link_has_been_taken_up(shop: Shop) -> None:
    first = shop.deploy("1.0")
    shop.stage("2.0")
    linked = shop.to("active", "2.0", link_only=True)
    assert (linked["changed"], linked["state"], linked["previous"]) == (True, "staged", "1.0")
    assert shop.served()[1] == first["service"]["pid"]
    done = shop.to("active", "2.0")
    assert (done["state"], done["previous"]) == ("good", "1.0")
    assert shop.served() == ("2.0", done["service"]["pid"])


def test_a_linked_release_that_a_hook_fails_is_rolled_back_to_the_former(shop: Shop) -> None:
    shop.deploy("1.0")
    shop.stage("2.0")
    shop.to("active", "2.0", link_only=True)
    failed = shop._run(
        "release", {"path": str(shop._at.root), "version": "2.0", "state": "failed", "reason": "no cache"}
    )
    assert (failed["failed"], failed["untouched"], failed["msg"]) == (True, False, "no cache")
    assert (failed["version"], failed["previous"], failed["state"]) == ("2.0", "1.0", "bad")
    assert shop.to("rolled_back")["version"] == "1.0"
    assert shop.served()[0] == "1.0"


def test_an_adopted_release_is_rolled_back_to_although_it_names_itself_otherwise(shop: Shop) -> None:
    shop.deploy("1.0")
    root = shop._at.root
    # As another tool would have left it: the folder's name is no version that the code knows.
    (root / "releases/1.0").rename(root / "releases/20260101120000")
    server = root / "releases/20260101120000/serve.py"
    server.write_text(server.read_text().replace("os.path.basename(here)", "'1.0'"))
    (root / "current").unlink()
    (root / "current").symlink_to(root / "releases/20260101120000")
    (root / ".strata/state.json").unlink()
    shop.deploy("2.0")
    back = shop.to("rolled_back")
    assert (back["failed"], back["version"]) == (False, "20260101120000"), back
    assert shop.served() == ("1.0", back["service"]["pid"])
    assert shop.info()["healthy"]
