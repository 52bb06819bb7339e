# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kinds of sources by the scheme of a URL; a path has none."""

from __future__ import annotations

from urllib.parse import urlsplit

from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources.file import File
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources.http import Http
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources.oci import Oci
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources.protocol import Provider
from ansible_collections.strata.deploy.plugins.module_utils._core import urls
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

PROVIDERS: dict[str, Provider] = {"": File(), "http": Http(), "https": Http(), "oci": Oci()}


def provider(url: str) -> Provider:
    """What reads from this URL or absolute path.

    Raises:
        StrataError: nothing does.
    """
    try:
        scheme = "" if url.startswith("/") else urlsplit(url).scheme or None
    except ValueError:
        scheme = None
    if scheme not in PROVIDERS:
        raise StrataError(
            f"The artifact {urls.shown(url)!r} is neither an http(s) URL nor an absolute path on the host,"
            " nor oci://REGISTRY/NAME:TAG."
        )
    return PROVIDERS[scheme]
