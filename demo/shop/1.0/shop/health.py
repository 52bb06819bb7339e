# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether this process can serve: it reaches its database, and the schema is there."""

from __future__ import annotations

import psycopg
from flask import Blueprint, current_app
from flask.typing import ResponseReturnValue

blueprint = Blueprint("health", __name__)


@blueprint.get("/health")
def health() -> ResponseReturnValue:
    try:
        current_app.extensions["database"].rows("SELECT 1 FROM products LIMIT 1")
    except psycopg.Error as error:
        return {"status": "failing", "reason": f"the database: {type(error).__name__}"}, 503
    return {"status": "ok", **current_app.config["STATUS"]()}
