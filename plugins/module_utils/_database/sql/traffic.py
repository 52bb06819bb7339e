# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of the linter about traffic: what holds up the queries of whatever release, for as long as a table is large.

Which statement breaks which rule is each database system's own, see `Dialect.traffic_rules`.
"""

from __future__ import annotations

IN_BATCHES = "For a new column, add it without the default, set the default in the next statement, for new rows, and fill the old rows in batches"
ADVICE = {
    "add-constraint": "writes to the table wait until all its rows are checked. A CHECK or FOREIGN KEY: add it with NOT VALID, "
    "and VALIDATE CONSTRAINT in the next migration. UNIQUE or PRIMARY KEY: CREATE UNIQUE INDEX CONCURRENTLY in a migration "
    "with '-- migrate:up transaction:false', and in the next one ADD CONSTRAINT ... USING INDEX. For a new column: "
    "add the column without it first. An EXCLUDE has no other way: waive the rule where the table is small.",
    "add-index": "writes to the table wait until the index is built. CREATE INDEX CONCURRENTLY, in a migration of its own "
    "with '-- migrate:up transaction:false'. Of a partitioned table: CREATE INDEX ... ON ONLY the table, CONCURRENTLY on each "
    "partition, and ALTER INDEX ... ATTACH PARTITION.",
    "lock-table": "queries of the table wait until it is done. Use the form that works beside them: REINDEX and REFRESH with "
    "CONCURRENTLY on PostgreSQL; LOCK=NONE on MySQL, with which the server refuses what it cannot do beside writes. A "
    "LOCK TABLE has no such form: waive the rule where it is held for a moment.",
    "long-lock": "an ALTER TABLE before it in the same transaction has locked the table, and its queries wait until this has "
    "gone over the rows, too. Put it in the next migration; a long UPDATE in batches.",
    "rewrite-table": f"the whole table is written anew while its queries wait. {IN_BATCHES}; in place of a stored generated "
    "column use a trigger. For anything else, copy the rows over to a new table, or waive the rule where the table is small.",
}
