# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be bought."""

from __future__ import annotations

from flask import Blueprint, current_app
from flask.typing import ResponseReturnValue

blueprint = Blueprint("products", __name__)


@blueprint.get("/products")
def products() -> ResponseReturnValue:
    database = current_app.extensions["database"]
    return {"products": database.rows("SELECT id, name, price_cents FROM products ORDER BY id")}
