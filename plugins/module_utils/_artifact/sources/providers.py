# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kinds of sources by the scheme of a URL; a path has none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources.file import File
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources.http import Http
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources.oci import Oci
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources.protocol import Provider
from ansible_collections.strata.deploy.plugins.module_utils._core import urls
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._core.providers import choose

PROVIDERS: Mapping[str, type[Provider]] = {
    File.NAME: File,
    Http.NAME: Http,
    Oci.NAME: Oci,
}


def provider(url: str) -> Provider:
    """What reads from this URL or absolute path.

    Raises:
        StrataError: nothing does.
    """
    found = _of_scheme(url)
    if found is None:
        forms = "; ".join(each.FORM for each in PROVIDERS.values())
        raise StrataError(f"The artifact {urls.shown(url)!r} has none of these forms: {forms}.")
    return found()


def is_source(text: str) -> bool:
    """Whether it is a URL or an absolute path that a provider reads from."""
    return _of_scheme(text) is not None


def own_options(url: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The options of the provider that reads from this URL, from a user's dictionary of its options."""
    name = provider(url).NAME
    return choose("source", PROVIDERS, {**given, "provider": name})[1]


def _of_scheme(url: str) -> type[Provider] | None:
    try:
        scheme = "" if url.startswith("/") else urlsplit(url).scheme or None
    except ValueError:
        return None
    return next((each for each in PROVIDERS.values() if scheme in each.SCHEMES), None)
