# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this release answers: billing is new."""

from __future__ import annotations

from shop import billing, health, orders, products

BLUEPRINTS = [billing.blueprint, health.blueprint, orders.blueprint, products.blueprint]
