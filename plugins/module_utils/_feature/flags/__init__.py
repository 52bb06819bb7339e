# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Feature flags: one provider a file, registered here in alphabetical order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._core.providers import choose
from ansible_collections.strata.deploy.plugins.module_utils._feature.flags.flagd import Flagd
from ansible_collections.strata.deploy.plugins.module_utils._feature.flags.protocol import FlagProvider

PROVIDERS: Mapping[str, type[FlagProvider]] = {
    Flagd.NAME: Flagd,
}


def connect(given: Mapping[str, Any]) -> FlagProvider:
    """Make the provider that a user's dictionary names under ``provider``, from the rest of the dictionary.

    Raises:
        StrataError: no provider has that name, or the options are not valid.
    """
    kind, options = choose("feature flag provider", PROVIDERS, given)
    provider = kind(options)
    provider.validate()
    return provider
