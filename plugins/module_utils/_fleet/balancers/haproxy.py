# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy by its runtime API: the server's administrative state, over the stats socket.

Protocol: https://docs.haproxy.org/2.6/management.html, section 9.3, "Unix Socket commands", and section 9.1 for the columns
of "show stat". The states are the same from HAProxy 2.4 to 3.4.
"""

from __future__ import annotations

import csv
import io
import re
import socket
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from ansible_collections.strata.deploy.plugins.module_utils._core import urls
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._fleet.balancers.protocol import (
    DOWN,
    DRAINED,
    MAINTENANCE,
    OUT_OF_ROTATION,
    READY,
    Definition,
    Member,
)

ANSWER_TIMEOUT = 10.0
SERVERS_ONLY = 4  # of "show stat": neither the frontend nor the backend line
STATE_FORMAT = "1"  # the first line of "show servers state"

# Bits of srv_admin_state. The others change nothing by themselves: 0x04 says that the configuration has the word
# "disabled", 0x40 that the server's host name was changed at run time.
FORCED_MAINTENANCE = 0x01
INHERITED_MAINTENANCE = 0x02
FORCED_DRAIN = 0x08
INHERITED_DRAIN = 0x10
UNRESOLVED = 0x20
KNOWN_BITS = 0x7F

AGENT_ENABLED = 0x04  # of srv_agent_state
AGENT_PATIENCE = 2.5
"""Seconds for which a change is watched where an agent may undo it; an agent is asked every 2 s unless agent-inter says otherwise."""

STATUS = re.compile(
    r"(?P<word>UP|DOWN|DRAIN|NOLB)(?P<partly> \d+/\d+)?|(?P<agent>DOWN|DRAIN) \(agent\)|no check|MAINT( \(.+\))?"
)
STATE_COLUMNS = ("be_id", "be_name", "srv_name", "srv_admin_state", "srv_agent_state")
STATISTICS_COLUMNS = (
    "pxname",
    "svname",
    "status",
    "weight",
    "bck",
    "scur",
    "qcur",
    "check_status",
    "check_rise",
    "check_fall",
    "check_health",
)

Row = Mapping[str, str]


class HAProxy:
    """A backend; its members are its servers, by name.

    Args:
        options: ``address`` is the stats socket, an absolute path or HOST:PORT, which must have ``level admin``;
            ``pool`` is the backend's name.
    """

    NAME: ClassVar[str] = "haproxy"
    OPTIONS: ClassVar[Mapping[str, Any]] = {
        "address": {"type": "str", "required": True},
        "pool": {"type": "str", "required": True},
    }

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._address: str = options["address"]
        self.pool: str = options["pool"]

    def validate(self) -> None:
        host, _colon, port = self._address.rpartition(":")
        if self._address.startswith("/"):
            usable = "\0" not in self._address
        else:
            usable = bool(host and re.fullmatch(r"\d{1,5}", port, re.ASCII)) and int(port) < 65536
        if not usable:
            raise StrataError(
                f"'{self._address}' is not an HAProxy stats socket. Give an absolute path or HOST:PORT."
            )
        if not self._address.startswith("/"):
            urls.validate_host(host, f"HAProxy stats socket '{self._address}'")
        self._checked(self.pool)

    def read(self, owned: Mapping[str, Definition]) -> dict[str, Member]:
        del owned  # HAProxy forgets no server
        states = self._administrative_states()
        if not states:
            return {}
        statistics = self._statistics(next(iter(states.values()))["be_id"])
        if not statistics:
            raise StrataError(
                f"HAProxy at {self._address} has no statistics of backend '{self.pool}': it is disabled, so none of its "
                "servers gets a request. Enable it in HAProxy's configuration."
            )
        if set(states) != set(statistics):
            differing = ", ".join(sorted(set(states) ^ set(statistics)))
            raise StrataError(
                f"HAProxy at {self._address} gave two answers about backend '{self.pool}' that differ in the servers "
                f"{differing}. If servers were added or removed just now, try again."
            )
        return {name: self._member(state, statistics[name]) for name, state in states.items()}

    def sessions(self, names: Collection[str]) -> dict[str, int]:
        return {
            name: member.sessions
            for name, member in self.read({}).items()
            if name in names and member.state in OUT_OF_ROTATION
        }

    def drain(self, names: Collection[str]) -> None:
        for name in names:
            self._set_state(name, "drain")

    def seconds_until_noticed(self, names: Collection[str]) -> float:
        del names
        return 0.0

    def restore(self, definitions: Mapping[str, Definition]) -> None:
        for name in definitions:
            self._set_state(name, "ready")

    def _set_state(self, name: str, state: str) -> None:
        command = f"set server {self.pool}/{self._checked(name)} state {state}"
        answer = self._ask(command)
        said = answer.strip()
        if said:
            hint = " The stats socket needs 'level admin'." if said.startswith("Permission denied") else ""
            raise StrataError(f"HAProxy at {self._address} refused '{command}': {said[:300]}{hint}")

    def _member(self, state: Row, statistics: Row) -> Member:
        status, check = statistics["status"], statistics["check_status"].lstrip("* ")
        administrative = self._number(state, "srv_admin_state")
        if not STATUS.fullmatch(status) or administrative & ~KNOWN_BITS:
            raise StrataError(
                f"HAProxy at {self._address} says of server '{state['srv_name']}' the status '{status}' and the administrative "
                f"state {administrative}, which this version of Strata does not know. Report this as an issue, and switch the "
                "server by hand until then."
            )
        # Without a check of its own, a server that runs may be one that nothing checks.
        healthy = _healthy(status, statistics) if check or status not in ("DRAIN", "UP") else None
        agent = self._number(state, "srv_agent_state") & AGENT_ENABLED
        return Member(
            state=_state(administrative, status, self._number(statistics, "weight")),
            sessions=self._number(statistics, "scur") + self._number(statistics, "qcur"),
            healthy=healthy,
            health=", ".join(filter(None, (status, check))) if check or healthy is False else "",
            backup=self._number(statistics, "bck") > 0,
            undone_within=AGENT_PATIENCE if agent else 0.0,
        )

    def _administrative_states(self) -> dict[str, Row]:
        """What "show servers state" says of each server."""
        command = f"show servers state {self.pool}"
        answer = self._ask(command)
        lines = [line for line in answer.splitlines() if line.strip()]
        if len(lines) < 2 or lines[0].strip() != STATE_FORMAT or not lines[1].startswith("# "):
            raise self._unreadable(command, answer, "Give the name of a backend as pool.")
        columns = lines[1][2:].split()
        rows = [line.split() for line in lines[2:] if not line.startswith("#")]
        found = self._rows(command, answer, columns, rows, STATE_COLUMNS)
        if any(row["be_name"] != self.pool or row["be_id"] != found[0]["be_id"] for row in found):
            raise self._unreadable(command, answer, "These are servers of another backend.")
        return self._by_name(command, answer, found, "srv_name")

    def _statistics(self, backend: str) -> dict[str, Row]:
        """What "show stat" says of each server."""
        # By number: "show stat" takes a name for the first proxy that has it, be it a frontend.
        command = f"show stat {backend} {SERVERS_ONLY} -1"
        answer = self._ask(command)
        if not answer.startswith("# "):
            raise self._unreadable(command, answer, "The stats socket needs at least 'level user'.")
        try:
            columns, *rows = [row for row in csv.reader(io.StringIO(answer[2:]), strict=True) if row]
        except (csv.Error, ValueError) as error:
            raise self._unreadable(command, answer, "It is not CSV.") from error
        found = self._rows(command, answer, columns, rows, STATISTICS_COLUMNS)
        if any(row["pxname"] != self.pool for row in found):
            raise self._unreadable(command, answer, "These are servers of another backend.")
        return self._by_name(command, answer, found, "svname")

    def _rows(
        self,
        command: str,
        answer: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[str]],
        needed: Sequence[str],
    ) -> list[Row]:
        missing = [name for name in needed if name not in columns]
        if missing:
            raise self._unreadable(command, answer, f"It has no column {', '.join(missing)}.")
        if any(len(row) != len(columns) for row in rows):
            raise self._unreadable(command, answer, f"A line does not have the {len(columns)} columns.")
        return [dict(zip(columns, row)) for row in rows]

    def _by_name(self, command: str, answer: str, rows: Sequence[Row], column: str) -> dict[str, Row]:
        named = {row[column]: row for row in rows}
        if len(named) < len(rows):
            raise self._unreadable(command, answer, "It names a server twice.")
        return named

    def _number(self, row: Row, column: str) -> int:
        if not re.fullmatch(r"\d{1,18}", row[column], re.ASCII):
            raise StrataError(
                f"HAProxy at {self._address} says '{row[column][:50]}' for {column} of a server in backend '{self.pool}', "
                "which is not a number. Check that the address is an HAProxy stats socket."
            )
        return int(row[column])

    def _unreadable(self, command: str, answer: str, hint: str) -> StrataError:
        said = answer.strip()
        if said.startswith("Permission denied"):
            hint = "The stats socket does not allow this command: raise its 'level'."
        return StrataError(
            f"HAProxy at {self._address} answered '{command}' with: {said[:300] or 'nothing'} {hint}"
        )

    def _checked(self, name: str) -> str:
        # HAProxy's own alphabet for names; anything else would be another command.
        if not re.fullmatch(r"[\w.:-]+", name, re.ASCII):
            raise StrataError(f"'{name}' cannot be the name of an HAProxy backend or server.")
        return name

    def _ask(self, command: str) -> str:
        deadline = time.monotonic() + ANSWER_TIMEOUT
        try:
            with self._connect() as connection:
                connection.sendall(command.encode() + b"\n")
                chunks = []
                while chunk := connection.recv(65536):
                    chunks.append(chunk)
                    if time.monotonic() >= deadline:
                        raise TimeoutError(f"the answer does not end within {ANSWER_TIMEOUT:g} s")
        except (OSError, ValueError) as error:
            raise StrataError(
                f"Asking HAProxy at {self._address} '{command}': {error}. Check that HAProxy runs, that "
                "'stats socket' gives this address, and that this user may use it."
            ) from error
        return b"".join(chunks).decode("utf-8", errors="replace")

    def _connect(self) -> socket.socket:
        if not self._address.startswith("/"):
            host, _colon, port = self._address.rpartition(":")
            return socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER_TIMEOUT)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(ANSWER_TIMEOUT)
        try:
            connection.connect(self._address)
        except OSError:
            connection.close()
            raise
        return connection


def _state(administrative: int, status: str, weight: int) -> str:
    if administrative & (FORCED_MAINTENANCE | INHERITED_MAINTENANCE | INHERITED_DRAIN):
        return MAINTENANCE
    if administrative & FORCED_DRAIN:
        return DRAINED
    if administrative & UNRESOLVED:  # its host name has no address, which no operator wants
        return DOWN
    if weight == 0:  # gets no requests either, by an operator's or an agent's doing
        return MAINTENANCE
    # "UP 1/3" has failed a check and still gets requests, until it has failed them all. "NOLB" gets no new ones.
    return READY if status.startswith("UP") or status == "no check" else DOWN


def _healthy(status: str, statistics: Row) -> bool | None:
    """What the checks say of a server; a drained one that fails its check shows DOWN, and one that recovers "DOWN 1/2"."""
    if status in ("UP", "DRAIN"):
        return True
    if status == "no check" or (status.startswith("MAINT") and status != "MAINT (resolution)"):
        return None
    if status != "DRAIN (agent)":
        return False
    # With an agent, the status does not show that a check has begun to fail.
    level, rise, fall = (statistics[name] for name in ("check_health", "check_rise", "check_fall"))
    if not (level.isdecimal() and rise.isdecimal() and fall.isdecimal()):
        return None
    return int(level) == int(rise) + int(fall) - 1
