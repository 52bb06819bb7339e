# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Feature flags: one provider a file, registered here in alphabetical order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._feature.flags.flagd import Flagd
from ansible_collections.strata.deploy.plugins.module_utils._feature.flags.protocol import FlagProvider

PROVIDERS: Mapping[str, type[FlagProvider]] = {
    Flagd.NAME: Flagd,
}


def connect(options: Mapping[str, Any]) -> FlagProvider:
    """The provider that ``options['provider']`` names, its options checked.

    Raises:
        StrataError: there is none of that name, or its options cannot work.
    """
    try:
        kind = PROVIDERS[options["provider"]]
    except KeyError as error:
        raise StrataError(
            f"There is no feature flag provider '{options['provider']}'; there are: {', '.join(PROVIDERS)}."
        ) from error
    provider = kind(options)
    provider.validate()
    return provider
