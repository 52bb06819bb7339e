# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes orders, each by one worker only, and tells its progress on /health."""

from __future__ import annotations

import signal
import threading
from typing import Any

import psycopg
import waitress
from psycopg.rows import dict_row

from shop import health
from shop.database import Database
from shop.settings import Settings
from shop.web import create_app

IDLE_SECONDS = 0.2


class Worker:
    """Takes one order after another until it is told to stop; the one in hand is finished."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._stopping = threading.Event()
        self.processed = 0

    def stop(self, *_: object) -> None:
        self._stopping.set()

    def progress(self) -> dict[str, Any]:
        return {"processed": self.processed}

    def run(self) -> None:
        while not self._stopping.is_set():
            try:
                with psycopg.connect(self._url, prepare_threshold=None, row_factory=dict_row) as connection:
                    self._work(connection)
            except psycopg.OperationalError:
                self._stopping.wait(1.0)

    def _work(self, connection: psycopg.Connection[dict[str, Any]]) -> None:
        while not self._stopping.is_set():
            if not self._process_one(connection):
                self._stopping.wait(IDLE_SECONDS)

    def _process_one(self, connection: psycopg.Connection[dict[str, Any]]) -> bool:
        with connection.transaction():
            order = connection.execute(
                "SELECT id FROM orders WHERE processed_at IS NULL ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED"
            ).fetchone()
            if order is None:
                return False
            connection.execute("UPDATE orders SET processed_at = now() WHERE id = %s", [order["id"]])
        self.processed += 1
        return True


def serve(settings: Settings, database: Database) -> None:
    worker = Worker(settings.database_url)
    signal.signal(signal.SIGTERM, worker.stop)
    app = create_app(settings, database, [health.blueprint], worker.progress)
    server = waitress.create_server(app, host="127.0.0.1", port=settings.port, threads=1)
    threading.Thread(target=server.run, daemon=True).start()
    worker.run()
