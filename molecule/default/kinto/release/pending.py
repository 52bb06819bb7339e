# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints the schema migrations that ``kinto migrate`` of this release would run, one a line; changes nothing.

``storage-023`` takes the storage schema from 22 to 23; ``storage-initial-026`` creates it at 26. A schema that is
newer than the release has nothing pending: ``kinto migrate`` leaves it alone too.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from typing import Any

from kinto.core.storage.exceptions import BackendError
from kinto.core.utils import sqlalchemy
from pyramid.paster import bootstrap

# A host that does not answer at all would otherwise hold the plan up for minutes.
CONNECT_TIMEOUT = "10"


def pending(registry: Any) -> Iterator[str]:
    """The names of the migrations, in the order in which ``kinto migrate`` runs them."""
    if not _cache_exists(registry.cache):
        yield "cache-initial"
    for backend in (registry.storage, registry.permission):
        installed = backend.get_installed_version()
        if not installed:
            yield f"{backend.name}-initial-{backend.schema_version:03d}"
            continue
        for version in range(installed + 1, backend.schema_version + 1):
            yield f"{backend.name}-{version:03d}"


def _cache_exists(cache: Any) -> bool:
    # The cache's schema has no version: Kinto asks for its table alone.
    query = "SELECT 1 FROM information_schema.tables WHERE table_name = 'cache'"
    with cache.client.connect(readonly=True) as connection:
        return connection.execute(sqlalchemy.text(query)).first() is not None


def _fail(ini: str, error: BaseException) -> int:
    # The first line is the database's; the others are SQLAlchemy's statement and links.
    cause = (str(error).strip() or type(error).__name__).splitlines()[0]
    print(f"Reading the schema's versions with {ini} failed: {cause}", file=sys.stderr)
    return 1


def main() -> int:
    parser = argparse.ArgumentParser(prog="pending", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--ini", default=os.environ.get("KINTO_INI"), help="default: $KINTO_INI")
    options = parser.parse_args()
    if not options.ini:
        parser.error("say which configuration with KINTO_INI or --ini")
    if not os.path.isfile(options.ini):
        parser.error(f"there is no configuration {options.ini}")
    os.environ.setdefault("PGCONNECT_TIMEOUT", CONNECT_TIMEOUT)
    # Kinto logs a traceback of what is told in one message below, and warns of what holds for every start.
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    try:
        names = list(pending(bootstrap(options.ini, options={"command": "migrate"})["registry"]))
    except BackendError as error:
        return _fail(options.ini, error.original or error)
    except Exception as error:  # a configuration can be wrong in as many ways as Kinto has parts
        return _fail(options.ini, error)
    for name in names:
        print(name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
