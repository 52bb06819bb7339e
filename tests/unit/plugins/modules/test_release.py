# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole life of releases through the modules, under a real supervisord with a real HTTP server."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any, Callable

import pytest
from archives import file, zipped

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
    if not shutil.which("ssh-keygen"):
        pytest.skip("ssh-keygen is not here")
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


def test_a_release_is_unpacked_as_it_is_asked_for(run_module: Run, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(zipped(file("top/app.py", mode=0o4755), file("top/etc/shop.conf")))
    arguments = {
        "path": str(tmp_path / "shop"),
        "version": "1.0",
        "url": str(tmp_path / "a"),
        "state": "staged",
    }
    arguments |= {"checksum": "unverified", "strip": True, "file_mode": "0640", "folder_mode": "0750"}
    assert "setuid" in run_module("release", arguments)["msg"]
    result = run_module("release", {**arguments, "setuid": "drop", "group": str(os.getgid()), "owner": ""})
    assert result["changed"], result
    release = tmp_path / "shop/releases/1.0"
    modes = {
        path: stat.S_IMODE((release / path).stat().st_mode)
        for path in (".", "app.py", "etc", "etc/shop.conf")
    }
    assert modes == {".": 0o750, "app.py": 0o750, "etc": 0o750, "etc/shop.conf": 0o640}


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"state": "staged", "version": "1.0"}, "url, checksum"),
        ({"state": "active"}, "version"),
        (
            {"state": "staged", "version": "../1.0", "url": "/a", "checksum": "unverified"},
            "not a safe folder name",
        ),
        ({"state": "staged", "version": "1.0", "url": "/a", "checksum": "sha256:1"}, "neither sha256:HEX"),
        (
            {"state": "staged", "version": "1.0", "url": "/nowhere/a", "checksum": "unverified"},
            "No such file",
        ),
        (
            {"state": "staged", "version": "1.0", "url": "/a", "checksum": "unverified", "max_bytes": 0},
            "at least 1",
        ),
        (
            {"state": "staged", "version": "1.0", "url": "/a", "checksum": "unverified", "shared": ["../a"]},
            "shared path",
        ),
        (
            {"state": "staged", "version": "1.0", "url": "/a", "checksum": "unverified", "owner": "no-such"},
            "no user on this host",
        ),
        (
            {"state": "staged", "version": "1.0", "url": "/a", "checksum": "unverified", "file_mode": 416},
            "in quotes",
        ),
        ({"state": "rolled_back"}, "no earlier good release"),
        (
            {"state": "active", "version": "1.0", "service": {"manager": "systemd"}},
            "missing required arguments: name",
        ),
    ],
)
@pytest.mark.parametrize("check", [False, True])
def test_bad_input_is_a_clear_error_before_anything_changes(
    run_module: Run, tmp_path: Any, arguments: dict[str, Any], why: str, check: bool
) -> None:
    result = run_module("release", {"path": str(tmp_path / "shop"), **arguments}, check=check)
    assert result["failed"]
    assert why in result["msg"]
    assert not (tmp_path / "shop" / "current").exists()
    assert not list((tmp_path / "shop").glob("releases/*"))


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


def test_what_a_container_s_environment_holds_is_in_no_answer(
    run_module: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    made = {
        "environment": {"TOKEN": "7", "KEY": "s3cret"},
        "registry": {"username": "anna", "password": "s3same"},
    }
    options = {
        "path": str(tmp_path),
        "version": "1.7",
        "state": "staged",
        "kind": "container",
        "container": made,
    }
    failed = run_module("release", {**options, "image": "shop:1.7"})
    assert "The image 'shop:1.7' has no digest" in failed["msg"]
    assert "s3" not in json.dumps(failed)
    assert failed["invocation"]["module_args"]["container"]["environment"] == ["KEY", "TOKEN"]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (
            {"url": "/a", "checksum": "unverified", "image": "shop"},
            "There is an image, and the kind is archive",
        ),
        ({"kind": "package"}, "kind 'package' are not valid: missing required arguments: name"),
        ({"kind": "container"}, "either an image, or the url"),
    ],
)
def test_each_kind_needs_options_of_its_own(
    run_module: Callable[..., dict[str, Any]], tmp_path: Path, options: dict[str, Any], why: str
) -> None:
    failed = run_module("release", {"path": str(tmp_path), "version": "1.0", "state": "staged", **options})
    assert why in failed["msg"]
    assert failed["untouched"]
