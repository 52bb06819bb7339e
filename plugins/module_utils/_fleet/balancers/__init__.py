# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The load balancers that Strata can take members out of."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.strata.deploy.plugins.module_utils._fleet.balancers.caddy import Caddy
from ansible_collections.strata.deploy.plugins.module_utils._fleet.balancers.haproxy import HAProxy
from ansible_collections.strata.deploy.plugins.module_utils._fleet.balancers.protocol import Balancer

PROVIDERS: Mapping[str, type[Balancer]] = {
    Caddy.NAME: Caddy,
    HAProxy.NAME: HAProxy,
}
