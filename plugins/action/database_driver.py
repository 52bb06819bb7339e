# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible's own ``package``, of whose answer only what the report needs is used."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action.package import ActionModule as Package

from ansible_collections.strata.deploy.plugins.plugin_utils.host_action import HostAction
from ansible_collections.strata.deploy.plugins.plugin_utils.host_answer import accepted


class ActionModule(HostAction, Package):
    """Installs a package with the package manager of the host."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        return accepted("database_driver", super().run(tmp, task_vars))
