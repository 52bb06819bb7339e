# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Features that are switched while the shop runs: a flag file, read through OpenFeature."""

from __future__ import annotations

import threading

from openfeature import api
from openfeature.evaluation_context import EvaluationContext


def load(path: str) -> None:
    """Read the flags in the background, for the provider takes longer to import than the shop to start.

    Until then every feature is off.
    """
    threading.Thread(target=_load, args=(path,), daemon=True).start()


def enabled(feature: str, customer: str) -> bool:
    """Whether the feature is on for this customer, the same at each call for the same share of customers."""
    return api.get_client().get_boolean_value(feature, False, EvaluationContext(targeting_key=customer))


def _load(path: str) -> None:
    from openfeature.contrib.provider.flagd import FlagdProvider
    from openfeature.contrib.provider.flagd.config import ResolverType

    api.set_provider(FlagdProvider(resolver_type=ResolverType.FILE, offline_flag_source_path=path))
