# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy by its runtime API: the server's administrative state, over the stats socket.

Protocol: https://docs.haproxy.org/2.6/management.html, section 9.3, "Unix Socket commands".
"""

from __future__ import annotations

import csv
import re
import socket
from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._fleet.balancers.protocol import (
    DOWN,
    DRAINED,
    MAINTENANCE,
    READY,
    Definition,
    Member,
)

ANSWER_TIMEOUT = 10.0
FORCED_DRAIN = 0x08  # of srv_admin_state; every other bit is maintenance, or inherited from elsewhere
SERVERS_ONLY = 4  # of "show stat": neither the frontend nor the backend line


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
        if not re.fullmatch(r"/.+|.+:\d{1,5}", self._address):
            raise StrataError(
                f"'{self._address}' is not an HAProxy stats socket. Give an absolute path or HOST:PORT."
            )
        self._checked(self.pool)

    def read(self, owned: Mapping[str, Definition]) -> dict[str, Member]:
        del owned  # HAProxy forgets no server
        backend, administrative = self._administrative_states()
        members = {}
        for row in self._statistics(backend):
            name, status, check = row["svname"], row["status"], row["check_status"].lstrip("* ")
            members[name] = Member(
                state=_state(administrative.get(name, 0), status, row["weight"]),
                sessions=_sessions(row),
                # A drained server that fails its check shows DOWN, and one that recovers "DOWN 1/2".
                healthy=status in ("UP", "DRAIN") if check else None,
                health=f"{status}, {check}" if check else "",
            )
        return members

    def sessions(self, names: Collection[str]) -> dict[str, int]:
        backend, _states = self._administrative_states()
        return {row["svname"]: _sessions(row) for row in self._statistics(backend) if row["svname"] in names}

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
        if answer.strip():
            raise StrataError(
                f"HAProxy at {self._address} refused '{command}': {answer.strip()} "
                "The stats socket needs 'level admin'."
            )

    def _administrative_states(self) -> tuple[str, dict[str, int]]:
        """The backend's number, and srv_admin_state of each server."""
        command = f"show servers state {self.pool}"
        answer = self._ask(command)
        lines = answer.splitlines()
        if len(lines) < 2 or not lines[1].startswith("# "):
            raise StrataError(
                f"HAProxy at {self._address} answered '{command}' with: {answer.strip() or 'nothing'} "
                "Give the name of a backend as pool."
            )
        columns = lines[1][2:].split()
        rows = [dict(zip(columns, line.split())) for line in lines[2:] if line]
        backend = rows[0]["be_id"] if rows else "0"
        return backend, {row["srv_name"]: int(row["srv_admin_state"]) for row in rows}

    def _statistics(self, backend: str) -> list[dict[str, str]]:
        # By number: "show stat" takes a name for the first proxy that has it, be it a frontend.
        answer = self._ask(f"show stat {backend} {SERVERS_ONLY} -1")
        return list(csv.DictReader(answer.lstrip("# ").strip().splitlines()))

    def _checked(self, name: str) -> str:
        # HAProxy's own alphabet for names; anything else would be another command.
        if not re.fullmatch(r"[\w.:-]+", name, re.ASCII):
            raise StrataError(f"'{name}' cannot be the name of an HAProxy backend or server.")
        return name

    def _ask(self, command: str) -> str:
        try:
            with self._connect() as connection:
                connection.sendall(command.encode() + b"\n")
                chunks = []
                while chunk := connection.recv(65536):
                    chunks.append(chunk)
        except OSError as error:
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


def _state(administrative: int, status: str, weight: str) -> str:
    if administrative & ~FORCED_DRAIN:
        return MAINTENANCE
    if administrative & FORCED_DRAIN:
        return DRAINED
    if weight == "0":  # gets no requests either, by an operator's doing
        return MAINTENANCE
    # "UP 1/3" has failed a check and still gets requests, until it has failed them all.
    return READY if status.startswith("UP") or status == "no check" else DOWN


def _sessions(row: Mapping[str, str]) -> int:
    return int(row["scur"] or 0) + int(row["qcur"] or 0)
