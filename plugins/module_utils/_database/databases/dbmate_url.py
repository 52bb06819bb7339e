# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""URLs of databases in the form that the tool dbmate and its drivers take, with timeouts in them.

https://github.com/amacneil/dbmate#connecting-to-the-database, https://pkg.go.dev/github.com/lib/pq and
https://github.com/go-sql-driver/mysql#dsn-data-source-name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Callable
from urllib.parse import parse_qs, quote, urlencode

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.address import Address
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import (
    Database,
    Timeouts,
)

OWN = "DATABASE_URL in environment, in the role db_migrate_environment"


def _no_variables(address: Address) -> Mapping[str, str]:
    return {}


def _no_file(url: str, folder: Path) -> Path | None:
    return None


@dataclass(frozen=True)
class Dbmate:
    """How dbmate reaches the databases of a system.

    Attributes:
        url: makes the URL for the database that Strata's own connection is to.
        limits: the parameters of a URL that keep the timeouts; Strata's own connection is None where there is none.
        variables: for what a URL has no place for.
        file: the file that a URL means, for a dbmate that is run in a folder; None where a server has the database.
    """

    url: Callable[[Address, Database], str]
    limits: Callable[[Timeouts, Database | None], Mapping[str, int]]
    variables: Callable[[Address], Mapping[str, str]] = _no_variables
    file: Callable[[str, Path], Path | None] = _no_file


def server_url(address: Address, place: str | None, parameters: Mapping[str, str]) -> str:
    """The URL of a database that a server has.

    Args:
        place: in place of host and port; None for these.

    Raises:
        StrataError: there are several hosts.
    """
    if "," in address.host:
        raise StrataError(
            f"dbmate connects to one host, and {address.shown} has several: set {OWN}, with the one that takes writes."
        )
    user = quote(address.user, safe="")
    if address.password:
        user += f":{quote(address.password, safe='')}"
    host = f"[{address.host}]" if ":" in address.host else address.host
    if place is None:
        place = f"{host or 'localhost'}{f':{address.port}' if address.port else ''}"
    return (
        f"{address.system}://{f'{user}@' if user else ''}{place}/{quote(address.database, safe='')}"
        f"?{urlencode(parameters, quote_via=quote)}"
    )


def with_parameters(url: str, parameters: Mapping[str, int]) -> str:
    """``url`` with further parameters, save those that it has itself."""
    own = parse_qs(url.partition("?")[2], keep_blank_values=True)
    added = urlencode({name: value for name, value in parameters.items() if name not in own})
    return f"{url}{'&' if own else '?'}{added}" if added else url
