# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Getting an artifact: looked up, or read as a stream that is checked against its checksum and signature."""

from __future__ import annotations

from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources.download import (
    Download,
    fetch,
    look_up,
    opened,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources.protocol import Access
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources.providers import PROVIDERS
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources.source import UNVERIFIED, Source

__all__ = ["PROVIDERS", "UNVERIFIED", "Access", "Download", "Source", "fetch", "look_up", "opened"]
