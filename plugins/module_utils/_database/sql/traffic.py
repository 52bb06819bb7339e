# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of the linter about traffic: what holds up the queries of whatever release, for as long as a table is large.

Which statement breaks which rule is each database system's own, see `Dialect.traffic_rules`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statement import Word

IN_BATCHES = "For a new column, add it without the default, set the default in the next statement, for new rows, and fill the old rows in batches"
ADVICE = {
    "add-constraint": "writes to the table wait until all its rows are checked. A CHECK or FOREIGN KEY: add it with NOT VALID, "
    "and VALIDATE CONSTRAINT in the next migration. UNIQUE or PRIMARY KEY: CREATE UNIQUE INDEX CONCURRENTLY in a migration "
    "with the line '-- strata: no-transaction', and in the next one ADD CONSTRAINT ... USING INDEX. For a new column: "
    "add the column without it first.",
    "add-index": "writes to the table wait until the index is built. CREATE INDEX CONCURRENTLY, in a migration of its own "
    "with the line '-- strata: no-transaction'.",
    "lock-table": "queries of the table wait until it is done. Use the form that works beside them: REINDEX and REFRESH with "
    "CONCURRENTLY on PostgreSQL; LOCK=NONE on MySQL, with which the server refuses what it cannot do beside writes.",
    "long-lock": "an ALTER TABLE before it in the same transaction has locked the table, and its queries wait until this has "
    "gone over the rows, too. Put it in the next migration; a long UPDATE in batches.",
    "rewrite-table": f"the whole table is written anew while its queries wait. {IN_BATCHES}; in place of a stored generated "
    "column use a trigger.",
}

_VOLATILE = re.compile(
    r"CLOCK_TIMESTAMP|GEN_RANDOM_UUID|NEXTVAL|RAND(OM)?|TIMEOFDAY|UUID(V4|V7|_GENERATE_V\w+|_SHORT)?"
)


def has_volatile_default(column: Sequence[Word]) -> bool:
    """Whether the default of a new column has another value in each row."""
    return "DEFAULT" in column and any(
        _VOLATILE.fullmatch(word) and after == "(" for word, after in zip(column, column[1:])
    )
