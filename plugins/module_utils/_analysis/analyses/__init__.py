# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Analyses, which answer the question "is it well?": one provider a file, registered here in alphabetical order."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.strata.deploy.plugins.module_utils._analysis.analyses.journeys import Journeys
from ansible_collections.strata.deploy.plugins.module_utils._analysis.analyses.protocol import Analysis

PROVIDERS: Mapping[str, type[Analysis]] = {
    Journeys.NAME: Journeys,
}
