# SPDX-License-Identifier: GPL-3.0-or-later
"""What the workers of several hosts do to fetch one artifact."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ansible import constants

from ansible_collections.strata.deploy.plugins.action import release
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources import Source
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

HOSTS = 5


class Workers:
    """The first of them fetches when all the others wait for it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        self.fetched = 0
        self._arrived = 0
        self.error: Exception | None = None
        self._waiting = threading.Semaphore(0)
        self._exclusive = release.exclusive
        monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
        monkeypatch.setattr(release, "exclusive", self._counted)
        monkeypatch.setattr(release, "fetch", self._fetch)

    def all(self) -> list[Future[Path]]:
        wanted = Source("https://artifacts.example.com/shop.tar.gz", "unverified")
        with ThreadPoolExecutor(HOSTS) as pool:
            return [pool.submit(release.fetched, wanted, 100) for _host in range(HOSTS)]

    @contextmanager
    def _counted(self, path: Path, **options: Any) -> Any:
        self._waiting.release()
        with self._exclusive(path, **options):
            yield

    def _fetch(self, source: Source, target: Path, max_bytes: int) -> None:
        self.fetched += 1
        while self.fetched == 1 and self._arrived < HOSTS:
            assert self._waiting.acquire(timeout=30)
            self._arrived += 1
        target.write_bytes(b"shop")
        if self.error:
            raise self.error


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Workers:
    return Workers(monkeypatch, tmp_path)


def test_one_worker_fetches_for_all(workers: Workers) -> None:
    assert {each.result().read_bytes() for each in workers.all()} == {b"shop"}
    assert workers.fetched == 1


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (StrataError("Fetching shop: the server answered 503."), "the server answered 503"),
        (OSError(28, "No space left on device"), "No space left on device .*local_tmp"),
    ],
    ids=["a server in trouble", "a full disk"],
)
def test_what_failed_for_one_is_not_tried_again_by_those_who_waited(
    workers: Workers, tmp_path: Path, error: Exception, why: str
) -> None:
    workers.error = error
    for each in workers.all():
        with pytest.raises(StrataError, match=why):
            each.result()
    assert workers.fetched == 1
    assert not list(tmp_path.glob("*.partial"))


def test_who_comes_later_tries_again(workers: Workers) -> None:
    workers.error = StrataError("Fetching shop: the server answered 503.")
    workers.all()
    workers.error = None
    assert all(each.result() for each in workers.all())
    assert workers.fetched == 2


def test_what_a_server_repeats_of_a_request_is_not_in_the_error() -> None:
    parameters = {
        "url": "https://anna:hunter2@app1/shop.tar.gz?key=t0k3n",
        "headers": {"X-Token": "h34d3r"},
        "username": "anna",
        "password": "p4ssw0rd",
    }
    said = "Basic YW5uYTpwNHNzdzByZA== h34d3r p4ssw0rd hunter2 key=t0k3n aDM0ZDNy"
    with pytest.raises(StrataError) as raised, release.concealed(parameters):
        raise StrataError(f"Fetching https://app1/shop.tar.gz: the server answered 403 {said}.")
    assert str(raised.value).startswith(
        "Fetching https://app1/shop.tar.gz: the server answered 403 Basic ********"
    )
    for each in said.split()[1:]:
        assert each not in str(raised.value)
    assert parameters["headers"] == {"X-Token": "h34d3r"}
