# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shop as a WSGI application, and the server around it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable
from typing import Any

import waitress
from flask import Blueprint, Flask, Response

from shop.database import Database
from shop.settings import Settings


def create_app(
    settings: Settings,
    database: Database,
    blueprints: Iterable[Blueprint],
    status: Callable[[], dict[str, Any]] = dict,
) -> Flask:
    """The application; ``status`` adds to what /health tells."""
    app = Flask("shop")
    app.config["SETTINGS"] = settings
    app.config["STATUS"] = status
    app.extensions["database"] = database

    @app.after_request
    def name_release(response: Response) -> Response:
        response.headers["X-Release"] = settings.release
        response.headers["X-Host"] = settings.host
        return response

    for blueprint in blueprints:
        app.register_blueprint(blueprint)
    return app


def serve(app: Flask) -> None:
    """Serve until SIGTERM; the requests in hand are answered first."""
    server = waitress.create_server(app, host="127.0.0.1", port=app.config["SETTINGS"].port, threads=4)

    def stop(*_: object) -> None:
        raise SystemExit

    signal.signal(signal.SIGTERM, stop)
    # Returns when the threads have ended, with their answers still in the channels.
    server.run()
    for channel in list(server.active_channels.values()):
        channel.handle_write()
