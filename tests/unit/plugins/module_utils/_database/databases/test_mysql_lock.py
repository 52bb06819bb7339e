# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock, without a server; test_mysql has it with a real one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, cast

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases import mysql_lock
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import Database


class Server:
    """What a server answers: a lock that is another's until it was asked so many times."""

    shown = "MySQL database 'shop' on db1"

    def __init__(self, refusals: int = 0) -> None:
        self.refusals = refusals
        self.name = ""
        self.released = False

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        if "GET_LOCK" in sql:
            self.name = parameters[0]
            self.refusals -= 1
            return [(0 if self.refusals >= 0 else 1,)]
        if "= CONNECTION_ID()" in sql:
            return [(int(parameters[0] == self.name and not self.released),)]
        if "RELEASE_LOCK" in sql:
            self.released = True
        if "performance_schema" in sql:
            raise StrataError("it may not be read")
        if "processlist" in sql:
            return [("shop", "app1", "Sleep", 7)]
        return [(42,)] if "IS_USED_LOCK" in sql else []


def locked(server: Server, wait: float, name: str = "shop") -> Any:
    return mysql_lock.locked(cast(Database, server), name, wait)


def test_it_is_held_and_released(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mysql_lock, "POLL_INTERVAL", 0)
    server = Server(refusals=2)
    with locked(server, 20):
        assert mysql_lock.is_locked(cast(Database, server), "shop")
    assert server.released
    assert not mysql_lock.is_locked(cast(Database, server), "shop")


def test_its_holder_is_named_where_it_cannot_be_had() -> None:
    text = re.escape("another of user shop from app1, connection 42, Sleep for 7 s")
    with pytest.raises(StrataError, match=f"{re.escape(Server.shown)} was being migrated .* {text}"):
        locked(Server(refusals=99), 0).__enter__()


@pytest.mark.parametrize("name", ["shop", "s" * 64, "é" * 64])
def test_its_name_fits_and_is_the_database_s_own(name: str) -> None:
    server, other = Server(), Server()
    with locked(server, 0, name), locked(other, 0, f"{name}x"):
        assert max(len(server.name), len(other.name)) <= 64
        assert server.name != other.name
