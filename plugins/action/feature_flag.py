# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module ``feature_flag``; what a host may answer is in `host_answer`."""

from __future__ import annotations

from ansible_collections.strata.deploy.plugins.plugin_utils.host_action import HostModule

ActionModule = HostModule
