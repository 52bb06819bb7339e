# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this release answers."""

from __future__ import annotations

from shop import health, orders, products

BLUEPRINTS = [health.blueprint, orders.blueprint, products.blueprint]
