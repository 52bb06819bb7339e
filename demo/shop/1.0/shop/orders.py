# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Orders; the client gives each a key, so that it can repeat a request safely."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, request
from flask.typing import ResponseReturnValue

blueprint = Blueprint("orders", __name__)

INSERT = """
    INSERT INTO orders (key, customer, product, quantity, note)
    SELECT %s, %s, id, %s, %s FROM products WHERE id = %s
    ON CONFLICT (key) DO NOTHING RETURNING id
"""
SELECT = """
    SELECT orders.id, key, customer, product, quantity, note, price_cents, processed_at IS NOT NULL AS processed
    FROM orders JOIN products ON products.id = product
"""


@blueprint.post("/orders")
def create() -> ResponseReturnValue:
    order = request.get_json()
    if missing := {"key", "customer", "product", "quantity"} - order.keys():
        return {"error": f"An order needs {', '.join(sorted(missing))}."}, 400
    database = current_app.extensions["database"]
    created = database.rows(
        INSERT, order["key"], order["customer"], order["quantity"], order.get("note", ""), order["product"]
    )
    found = database.rows(SELECT + "WHERE key = %s", order["key"])
    if not found:
        return {"error": f"There is no product {order['product']}."}, 404
    return present(found[0]), 201 if created else 200


@blueprint.get("/orders/<int:number>")
def show(number: int) -> ResponseReturnValue:
    found = current_app.extensions["database"].rows(SELECT + "WHERE orders.id = %s", number)
    return present(found[0]) if found else ({"error": f"There is no order {number}."}, 404)


def present(order: dict[str, Any]) -> dict[str, Any]:
    price = order.pop("price_cents")
    return {**order, "total_cents": price * order["quantity"]}
