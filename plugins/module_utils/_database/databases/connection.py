# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The address of a database: from a URL, from single options, or from both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._core.providers import choose
from ansible_collections.strata.deploy.plugins.module_utils._database.databases import PROVIDERS
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.address import Address


def resolve(url: str | None, connection: Mapping[str, Any] | None, environ: Mapping[str, str]) -> Address:
    """The database at ``url``, with what ``connection`` gives in place of the same part of it.

    Args:
        connection: the options of the database system's provider, and its name as ``system``, which may be left out where
            there is a URL. An option that is None or empty is not given.
        environ: may have the password where nothing else has it.

    Raises:
        StrataError: something is missing, malformed or contradicts another; no password is shown.
    """
    text = (url or "").strip()
    given = {name: value for name, value in (connection or {}).items() if value not in (None, "")}
    if not text and not given:
        raise StrataError(
            "No database is given: set url or connection, in the role db_migrate_url or db_migrate_connection."
        )
    given["system"] = _system(text, given.get("system"))
    provider, options = choose("database system", PROVIDERS, given, key="system")
    return provider.locate(
        text, {name: str(value) for name, value in options.items() if value is not None}, environ
    )


def _system(url: str, given: str | None) -> str:
    """The name of the provider for a URL's scheme; without a URL the one that is given."""
    if not url:
        if given is None:
            raise StrataError(
                f"connection.system is missing. Set it to one of {', '.join(sorted(PROVIDERS))}; or set url."
            )
        return given
    schemes = {scheme: name for name, provider in PROVIDERS.items() for scheme in provider.SCHEMES}
    scheme, separator, _rest = url.partition("://")
    system = schemes.get(scheme) if separator else None
    if system is None:
        raise StrataError(
            "The scheme of the database URL is not known (the URL is not shown, because it may hold a password). "
            f"A URL begins with one of {', '.join(f'{scheme}://' for scheme in sorted(schemes))}."
        )
    if given not in (None, system):
        raise StrataError(f"url is for the database system '{system}', and connection.system is '{given}'.")
    return system
