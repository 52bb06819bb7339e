# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One database connection a thread, made again when it broke."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
from psycopg.rows import dict_row


class Database:
    """Runs one statement at a time, each in its own transaction."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._local = threading.local()

    def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        """Run a statement that can be repeated safely: it is, once, on a new connection."""
        try:
            return self._run(statement, values)
        except psycopg.OperationalError:
            self._local.connection = None
            return self._run(statement, values)

    def _run(self, statement: str, values: tuple[Any, ...]) -> list[dict[str, Any]]:
        cursor = self._connection().execute(statement, values)
        return cursor.fetchall() if cursor.description else []

    def _connection(self) -> psycopg.Connection[dict[str, Any]]:
        connection: psycopg.Connection[dict[str, Any]] | None = getattr(self._local, "connection", None)
        if connection is None or connection.closed:
            # A prepared statement would not survive a migration under the running release.
            connection = psycopg.connect(
                self._url, autocommit=True, connect_timeout=5, prepare_threshold=None, row_factory=dict_row
            )
            self._local.connection = connection
        return connection
