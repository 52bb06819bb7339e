# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that the migration modules share, as Ansible declares them."""

from __future__ import annotations

from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._migration.engines import ENGINES

COMMON: dict[str, Any] = {
    "engine": {"type": "str", "choices": sorted(ENGINES), "default": "sql"},
    "url": {"type": "str", "required": True, "no_log": True},
    "folder": {"type": "str"},
    "archive": {"type": "str", "no_log": True},
    "checksum": {"type": "str"},
}
