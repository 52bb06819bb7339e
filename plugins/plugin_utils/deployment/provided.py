# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options whose content a provider declares: validated by the provider itself, offline, before the first host is contacted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._analysis.analyses.assess import prepare
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services import service_options
from ansible_collections.strata.deploy.plugins.module_utils._artifact.signatures import signature
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._core.providers import choose
from ansible_collections.strata.deploy.plugins.module_utils._feature.flags import connect
from ansible_collections.strata.deploy.plugins.module_utils._fleet.balancers import PROVIDERS as BALANCERS
from ansible_collections.strata.deploy.plugins.module_utils._fleet.balancers.pool import minimum_ready

VALIDATORS: Mapping[str, Callable[[Any], Any]] = {
    "analysis_analyses": lambda given: prepare(given, 0.0),
    "artifact_service": service_options,
    "artifact_signature": signature,
    "feature_flag_service": connect,
    "fleet_rolling_balancer": lambda given: choose("load balancer", BALANCERS, given),
    "fleet_rolling_min_ready": lambda given: minimum_ready(str(given), 0),
}


def provider_problem(name: str, value: Any) -> str | None:
    """Why the provider that an option names refuses the rest of it; None where it does not, or it names none."""
    if name not in VALIDATORS or not value:
        return None
    try:
        VALIDATORS[name](value)
    except StrataError as error:
        return f"{name}: {error}"
    return None
