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
LB = ("lb1", "lb2")
LOAD = "/var/log/kinto-load/requests.jsonl"
JOURNAL = "/var/lib/strata/kinto/journal.jsonl"


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
    """``load("summary")`` is what the users saw."""

    def ask(command: str, *arguments: str) -> Any:
        words = " ".join(["python3 load.py users.py", command, LOAD, *arguments])
        return json.loads(on("bastion1").check_output(f"cd /usr/local/lib/load && {words}"))

    return ask


@pytest.fixture(scope="session")
def phases(load: Callable[..., Any]) -> Callable[[], list[dict[str, Any]]]:
    """What the users saw before, in and after each deployment, oldest first."""
    return lambda: load("phases", JOURNAL)


@pytest.fixture(scope="session")
def answers(on: Callable[[str], Host]) -> Callable[[], dict[str, list[float]]]:
    """When each member has answered, as seconds of the clock that systemd tells a process's start in."""
    # One clock, for the hosts share a kernel.
    clocks = "import time; print(time.time() - time.monotonic())"

    def moments() -> dict[str, list[float]]:
        boot = float(on("bastion1").check_output("python3 -c %s", clocks))
        found: dict[str, list[float]] = {name: [] for name in WEB}
        # The last line may be one that is being written.
        for line in on("bastion1").file(LOAD).content_string.split("\n")[:-1]:
            entry = json.loads(line)
            if entry["error"] is None:
                found[entry["member"]].append(entry["start"] + entry["seconds"] - boot)
        return found

    return moments


@pytest.fixture(scope="session")
def schema(sql: Callable[[str], list[list[str]]]) -> Callable[[], str]:
    """The version of the storage's schema."""
    query = "SELECT max(value::int) FROM metadata WHERE name = 'storage_schema_version'"
    return lambda: sql(query)[0][0]


@pytest.fixture(scope="session")
def stored(sql: Callable[[str], list[list[str]]]) -> Callable[[], dict[str, Any]]:
    """The records of the load that the database has."""
    # As Kinto's PostgreSQL storage keeps them; a deleted one stays there as a tombstone.
    query = (
        "SELECT id, data FROM objects WHERE resource_name = 'record' AND NOT deleted"
        " AND parent_id LIKE '/buckets/load/collections/%' ORDER BY id"
    )
    return lambda: {record: json.loads(data) for record, data in sql(query)}


@pytest.fixture(scope="session")
def deployments(on: Callable[[str], Host]) -> Callable[[], list[dict[str, Any]]]:
    """The journal on the control host, oldest first."""

    def entries() -> list[dict[str, Any]]:
        journal = on("bastion1").file(JOURNAL).content_string
        return [json.loads(line) for line in journal.splitlines()]

    return entries


@pytest.fixture(scope="session")
def state(
    on: Callable[[str], Host], balancer_says: Callable[[str, str], str], schema: Callable[[], str]
) -> Callable[[], Any]:
    """All that a deployment touches: files with their times, processes, the balancers, the schema, and the journal."""

    def administration(balancer: str) -> dict[str, str]:
        # After a line with the format's version.
        table = balancer_says(balancer, "show servers state kinto").partition("# ")[2].splitlines()
        return {row["srv_name"]: row["srv_admin_state"] for row in csv.DictReader(table, delimiter=" ")}

    def listing() -> dict[str, Any]:
        files = "find %s -xdev -printf '%%p %%l %%m %%u %%s %%T@\\n' | sort"
        found = {
            name: on(name).check_output(files % "/srv/kinto")
            + on(name).check_output("systemctl show --property=MainPID --value kinto.service")
            for name in WEB
        }
        return {
            **found,
            **{balancer: administration(balancer) for balancer in LB},
            "bastion1": on("bastion1").check_output(files % "/var/lib/strata"),
            "schema": schema(),
        }

    return listing
