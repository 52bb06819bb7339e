# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which billing a customer has: the integrated one is switched on step by step."""

from __future__ import annotations

from flask import Blueprint, request
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from shop import features

blueprint = Blueprint("billing", __name__)


@blueprint.record_once
def load_features(setup: BlueprintSetupState) -> None:
    features.load(setup.app.config["SETTINGS"].flags)


@blueprint.get("/billing")
def billing() -> ResponseReturnValue:
    customer = request.args.get("customer", "")
    if not customer:
        return {"error": "Say which ?customer= it is for."}, 400
    integrated = features.enabled("billing-integration", customer)
    return {"customer": customer, "billing": "integrated" if integrated else "manual"}
