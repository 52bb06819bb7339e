# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet as its users, its balancers and its database see it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from typing import Any

import pytest
from testinfra.host import Host

WEB = ("web1", "web2", "web3", "web4")
LOAD = "/var/log/kinto-load/requests.jsonl"


@pytest.fixture(scope="session")
def pool(balancer_says: Callable[[str, str], str]) -> Callable[[str], dict[str, dict[str, str]]]:
    """``pool("lb1")["web1"]`` is what that balancer says of that member."""

    def rows(balancer: str) -> dict[str, dict[str, str]]:
        table = csv.DictReader(balancer_says(balancer, "show stat kinto -1 -1").lstrip("# ").splitlines())
        return {row["svname"]: row for row in table}

    return rows


@pytest.fixture(scope="session")
def sql(on: Callable[[str], Host]) -> Callable[[str], list[list[str]]]:
    """The rows of a query to Kinto's database, asked on its host."""

    def ask(query: str) -> list[list[str]]:
        said = on("db1").check_output("runuser -u postgres -- psql -d kinto -AtF '\t' -c %s", query)
        return [line.split("\t") for line in said.splitlines()]

    return ask


@pytest.fixture(scope="session")
def load(on: Callable[[str], Host]) -> Callable[..., Any]:
    """``load("summary", "--to", "1234")`` is what the users saw."""

    def ask(command: str, *arguments: str) -> Any:
        words = " ".join(["kinto-load", command, LOAD, *arguments])
        return json.loads(on("bastion1").check_output(words))

    return ask


@pytest.fixture(scope="session")
def schema(sql: Callable[[str], list[list[str]]]) -> Callable[[], str]:
    """The version of the storage's schema."""
    query = "SELECT max(value::int) FROM metadata WHERE name = 'storage_schema_version'"
    return lambda: sql(query)[0][0]


@pytest.fixture(scope="session")
def statement(on: Callable[[str], Host]) -> str:
    """What lists the records that the database has."""
    return on("bastion1").check_output("kinto-load sql")


@pytest.fixture(scope="session")
def deployments(on: Callable[[str], Host]) -> Callable[[], list[dict[str, Any]]]:
    """The journal on the control host, oldest first."""

    def entries() -> list[dict[str, Any]]:
        journal = on("bastion1").file("/var/lib/strata/kinto/journal.jsonl").content_string
        return [json.loads(line) for line in journal.splitlines()]

    return entries


@pytest.fixture(scope="session")
def state(on: Callable[[str], Host]) -> Callable[[], Any]:
    """All that a deployment touches: files with their times, processes, and the control host's folder."""

    def listing() -> dict[str, str]:
        files = "find %s -xdev -printf '%%p %%l %%m %%u %%s %%T@\\n' | sort"
        found = {
            name: on(name).check_output(files % "/srv/kinto")
            + on(name).check_output("systemctl show --property=MainPID --value kinto.service")
            for name in WEB
        }
        return found | {"bastion1": on("bastion1").check_output(files % "/var/lib/strata")}

    return listing
