# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The linter: what must not be in a migration while a release runs that knows nothing of it, and its tables are in use.

It reads statements, asks the database's catalog about what they name, and does not look into strings: SQL in a DO block, or
in a function that is called, is not seen. A compound statement outside a routine is judged by what is in it. In a database
without a table nothing is used yet. What a migration of the same run has created is used by nobody yet, and may be treated in
any way; but not what it creates IF NOT EXISTS, because that may have been there, and a temporary table in its own migration alone.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.model import Migration
from ansible_collections.strata.deploy.plugins.module_utils._database.sql import (
    compatibility,
    squawk,
    traffic,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.catalog import (
    UNKNOWN_CATALOG,
    Catalog,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.ddl import (
    Reader,
    altered,
    created,
    folded_table,
    is_qualified,
    objects,
    renamed,
    split,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.defined import DefinedCatalog
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.dialect import Dialect
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.files import directives
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.lookup import Lookup, forgets
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statement import Statement, Word
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statements import opened, statements
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.tokens import UnreadableError

# What does not work, in whatever phase; not to be waived.
_FORM = {
    "client-command": "only a client program as psql or mysql knows it, and a migration is sent to the server itself. Write it as SQL, for "
    "example INSERT in place of COPY FROM stdin, or do it before or after the migration.",
    "delimiter": "it is a command of the mysql client, which the server does not know. Leave it out: the semicolons between "
    "BEGIN and END do not end the statement here.",
    "needs-no-transaction": "the database refuses it in a transaction, or passes over it. Put it in a migration of its own "
    "with '-- migrate:up transaction:false', for the way back '-- migrate:down transaction:false'.",
    "transaction-control": "a migration is in a transaction of its own, or has '-- migrate:up transaction:false' and is in "
    "none. Remove it.",
    "unnamed-index": "should it fail half-way, an invalid index stays that nobody can name. Give it a name.",
}
_UNREADABLE = "Where its statements end must be certain, else one of them may be overlooked. Write it in another way; or look at all of it, and waive the rule."
RULES = frozenset((*compatibility.ADVICE, *traffic.ADVICE, "unreadable"))
"""Those that can be waived."""
_SETTINGS = re.compile("-- strata: (no-transaction|lock_timeout=|statement_timeout=)")
_DATA = frozenset(("DELETE", "INSERT", "REPLACE", "SELECT", "SET", "UPDATE", "WITH"))
_Name = tuple[Hashable, str]
"""Where it is looked up, None where it says so itself, and what it is."""
_OUTSIDE = (
    *(("ALTER", "SYSTEM"), ("CREATE", "DATABASE"), ("CREATE", "SUBSCRIPTION"), ("CREATE", "TABLESPACE")),
    *(("DISCARD", "ALL"), ("DROP", "DATABASE"), ("DROP", "SUBSCRIPTION"), ("DROP", "TABLESPACE")),
)
_REINDEXED = frozenset(("DATABASE", "SCHEMA", "SYSTEM"))
# Those of SQLite's that take effect in a transaction, where they are set: https://www.sqlite.org/pragma.html.
_PRAGMAS_INSIDE = frozenset(
    (
        *("ANALYSIS_LIMIT", "APPLICATION_ID", "AUTOMATIC_INDEX", "BUSY_TIMEOUT", "CACHE_SIZE", "CACHE_SPILL"),
        *(
            "CASE_SENSITIVE_LIKE",
            "CELL_SIZE_CHECK",
            "DEFER_FOREIGN_KEYS",
            "HARD_HEAP_LIMIT",
            "LEGACY_ALTER_TABLE",
        ),
        *(
            "IGNORE_CHECK_CONSTRAINTS",
            "MMAP_SIZE",
            "OPTIMIZE",
            "QUERY_ONLY",
            "READ_UNCOMMITTED",
            "RECURSIVE_TRIGGERS",
        ),
        *("REVERSE_UNORDERED_SELECTS", "SCHEMA_VERSION", "SOFT_HEAP_LIMIT", "THREADS", "TRUSTED_SCHEMA"),
        *("USER_VERSION", "WAL_AUTOCHECKPOINT", "WRITABLE_SCHEMA"),
        *(
            "FOREIGN_KEY_CHECK",
            "FOREIGN_KEY_LIST",
            "INDEX_INFO",
            "INDEX_LIST",
            "INDEX_XINFO",
            "INTEGRITY_CHECK",
        ),
        *("QUICK_CHECK", "TABLE_INFO", "TABLE_LIST", "TABLE_XINFO"),
    )
)
_SHARED = frozenset(("DATABASE", "GROUP", "OWNED", "ROLE", "SYSTEM", "TABLESPACE", "USER"))
"""What belongs to a server, not to one of its databases."""


@dataclass(frozen=True)
class Finding:
    """A rule that a statement breaks; ``line`` is the file's or, where a tool has printed the SQL, that of the SQL."""

    rule: str
    name: str
    line: int
    advice: str
    printed: bool = False

    @property
    def place(self) -> str:
        return f"{self.name} line {self.line}{' of its SQL' if self.printed else ''}"


@dataclass(frozen=True)
class _Judged:
    """A statement and the rules that it breaks, waived or not, with the advice; ``unused``: about what nobody uses yet."""

    statement: Statement
    rules: dict[str, str]
    unused: bool


def check(
    migrations: Sequence[Migration],
    dialect: Dialect,
    catalog: Catalog = UNKNOWN_CATALOG,
    *,
    new: bool = False,
) -> None:
    """Raise StrataError, with all the findings, unless the migrations keep to the rules.

    Args:
        migrations: those of one run, in order.
        new: whether nobody uses the database yet.
    """
    for migration in migrations:
        for rule in migration.allowed:
            if rule not in RULES and not squawk.refuses(rule):
                raise StrataError(
                    f"Migration {migration.name} allows '{rule}', which is no rule that can be waived. Those are "
                    f"{', '.join(sorted(RULES))} and, where it is installed, squawk's as squawk/RULE."
                )
    found = findings(migrations, dialect, catalog, new=new)
    if not found:
        return
    refused = []
    for rule, advice in dict.fromkeys((finding.rule, finding.advice) for finding in found):
        places = ", ".join(
            finding.place for finding in found if (finding.rule, finding.advice) == (rule, advice)
        )
        refused.append(f"- {rule} ({places}): {advice}")
    raise StrataError(
        "\n".join(("Migrations refused before anything was changed:", *refused, *_ways(found, migrations))),
        findings=[{"rule": each.rule, "name": each.name, "line": each.line} for each in found],
    )


def _ways(found: Sequence[Finding], migrations: Sequence[Migration]) -> Iterator[str]:
    """The lines that let through what was found, where there is such a line."""
    where = ""
    if any(each.printed for each in found):
        where = ", in the docstring of a migration in Python, or in the SQL that a command prints"
    expand = {each.name for each in migrations if each.phase == "expand"}
    if any(each.rule in compatibility.ADVICE and each.name in expand for each in found):
        yield f"A contract migration has the line '-- strata: phase=contract'{where}."
    waived = ",".join(dict.fromkeys(each.rule for each in found if each.rule not in _FORM))
    if waived:
        yield (
            "Where no running release notices it, or no traffic waits for it, let it through with the line "
            f"'-- strata: allow={waived} because REASON'{where}."
        )


def findings(
    migrations: Sequence[Migration],
    dialect: Dialect,
    catalog: Catalog = UNKNOWN_CATALOG,
    *,
    new: bool = False,
) -> list[Finding]:
    """What is wrong with the migrations; what they waive is left out."""
    known = DefinedCatalog(catalog, dialect)
    unused: set[_Name] = set()
    lookup = Lookup()
    remarks = dialect.remarks(migrations)
    found: list[Finding] = []
    for migration in migrations:
        printed = _is_printed(migration)
        try:
            judged = _judge(migration, dialect, unused, lookup, known, new=new)
        except UnreadableError as error:
            unused.clear()
            judged = []
            found += _unread(migration, error, migration.up_line)
        own = [
            Finding(rule, migration.name, migration.up_line + each.statement.line, advice, printed)
            for each in judged
            for rule, advice in each.rules.items()
            if rule not in migration.allowed
        ]
        own += [
            Finding(remark.rule, migration.name, migration.up_line + remark.line, remark.text, printed)
            for remark in remarks.get(migration.name, ())
            if remark.rule not in migration.allowed and _is_news(remark, judged)
        ]
        found += sorted(own, key=lambda finding: (finding.line, finding.rule))
        found += [] if printed else _on_the_way_back(migration, dialect)
    return found


def _is_printed(migration: Migration) -> bool:
    """Whether a tool has printed the SQL, in place of a file, where a line with '-- migrate:up' is before it."""
    return migration.up_line == 1


def _unread(migration: Migration, error: UnreadableError, first: int) -> list[Finding]:
    """What is said of SQL that cannot be read, whose lines are counted from ``first`` on."""
    printed = _is_printed(migration)
    rule = "unreadable" if printed else error.rule
    advice = f"{error.why} {_UNREADABLE}" if rule == "unreadable" else _FORM[rule]
    known = rule in migration.allowed and rule in RULES
    return [] if known else [Finding(rule, migration.name, first + error.line, advice, printed)]


def _judge(
    migration: Migration,
    dialect: Dialect,
    unused: set[_Name],
    lookup: Lookup,
    catalog: DefinedCatalog,
    *,
    new: bool,
) -> list[_Judged]:
    """Judge each statement of a migration; ``unused`` are the names of what nobody uses yet, and becomes more."""
    found: list[Statement] = []
    branches: list[Statement] = []
    """Those that may not be carried out."""
    for whole in statements(migration.up, dialect):
        inner = opened(whole, dialect)
        found += inner
        branches += inner if inner != [whole] else []
    judged = []
    earlier: list[Statement] = []
    passing: set[_Name] = set()
    """Temporary ones, which hide those of the same name for as long as they are there."""
    # A later step of it may be in another session.
    ends_early = not migration.transactional or not (
        dialect.takes_back_schema or all(map(_leaves_transaction_open, found))
    )
    kept: set[str] = set()
    """What is dropped and created again, and so used after that as it was before."""
    elsewhere = False
    """Whether names are looked up in a database that is not the one that is asked."""
    lookup.restart()
    places = []
    certain: list[tuple[int, Statement, Hashable]] = []
    """Those that are surely carried out and not undone, with where they look names up."""
    for index, statement in enumerate(found):
        lookup.follow(statement, transactional=migration.transactional)
        places.append(lookup.place)
        if forgets(statement):
            certain.clear()
        elif statement not in branches:
            certain.append((index, statement, lookup.place))

    for index, (statement, place) in enumerate(zip(found, places)):

        def named(name: str, place: Hashable = place) -> _Name:
            return (None if is_qualified(name) else place, folded_table(name, dialect))

        names = {named(name) for name in objects(statement)}
        is_unused = bool(names) and names <= unused | passing
        elsewhere = elsewhere or (dialect.schema_is_database and statement.words[0] == "USE")
        is_unused = is_unused or (new and not elsewhere and not _reaches_beyond(statement, dialect))
        asked = UNKNOWN_CATALOG if elsewhere else catalog
        rules: dict[str, str] = {}
        if not is_unused:
            advice = {**compatibility.ADVICE, **traffic.ADVICE, **dialect.traffic_advice}
            for rule in dialect.traffic_rules(statement, earlier, migration.transactional, asked):
                rules[rule] = advice[rule]
            if migration.phase == "expand":
                later: list[Statement] = []
                if statement.words[0] in ("ALTER", "DROP"):
                    later = [each for at, each, other in certain if at > index and other == place]
                for rule in compatibility.broken(statement, later, dialect, asked, migration.transactional):
                    rules[rule] = compatibility.ADVICE[rule]
        is_kept = migration.phase == "expand" and not (is_unused or rules)
        if not _is_printed(migration):
            rules.update(_wrong_form(statement, migration.transactional, dialect))
        judged.append(_Judged(statement, rules, is_unused))
        earlier += [statement] if statement.words[0] in ("ALTER", "SET") else []
        catalog.define(statement)
        moved = {named(new) for old, new in renamed(statement) if named(old) in unused}
        passed = {named(new) for old, new in renamed(statement) if named(old) in passing}
        if forgets(statement):
            unused.clear()
            passing.clear()
        gone = {_last_part(folded_table(name, dialect)) for name in _given_up(statement)}
        kept |= gone if is_kept and statement.words[0] == "DROP" else set()
        for known in (unused, passing):
            known -= {each for each in known if _last_part(each[1]) in gone}
        unused |= moved
        passing |= passed
        made = created(statement)
        if not (
            _is_conditional(statement)
            or statement in branches
            or (_is_temporary(statement) and ends_early)
            or _last_part(folded_table(made, dialect)) in kept
        ):
            known = passing if _is_temporary(statement) else unused
            known |= {named(name) for name in _signatures(made)}
    return judged


def _given_up(statement: Statement) -> list[str]:
    """The names that stand for nothing, or for another thing, after a statement."""
    words = statement.words
    pairs = renamed(statement)
    moves = words[0] == "ALTER" and ("RENAME" in words or words[-3:-1] == ("SET", "SCHEMA"))
    if pairs:
        return [old for old, _new in pairs]
    return objects(statement) if words[0] == "DROP" or (moves and not altered(statement)[0]) else []


def _last_part(name: str) -> str:
    return next(reversed(split(name.partition("(")[0])), "")


def _signatures(name: str) -> list[str]:
    """What a name may be given as in a later statement: of a routine also without its parameters, or their names."""
    routine, _parenthesis, parameters = name.partition("(")
    if not parameters.endswith(")"):
        return [name] if name else []
    types = [each.strip() for each in parameters[:-1].split(",")]
    unnamed = ", ".join(each.partition(" ")[2] or each for each in types)
    return [name, f"{routine}(*)", f"{routine}({unnamed})"]


def _leaves_transaction_open(statement: Statement) -> bool:
    return statement.words[0] in _DATA or statement.words[1:2] == ("TEMPORARY",)


def _is_conditional(statement: Statement) -> bool:
    """Whether it may find what it would create."""
    return ("IF", "NOT") in set(zip(statement.words, statement.words[1:]))


def _reaches_beyond(statement: Statement, dialect: Dialect) -> bool:
    """Whether a statement is about what other databases of the server have a part in."""
    words = statement.words
    if words[0] in ("ALTER", "DROP", "RENAME") and not _SHARED.isdisjoint(words[1:2]):
        return True
    if words[:2] in (("REASSIGN", "OWNED"), ("SET", "PASSWORD")):
        return True
    if words[0] == "REVOKE":
        return dialect.schema_is_database or "ON" not in words
    return dialect.schema_is_database and (
        words[1:2] == ("SCHEMA",) or any(map(is_qualified, objects(statement) or [created(statement)]))
    )


def _is_temporary(statement: Statement) -> bool:
    return not {"TEMP", "TEMPORARY"}.isdisjoint(statement.words[1:3])


def _is_news(remark: squawk.Remark, judged: Sequence[_Judged]) -> bool:
    """Whether no rule of ours has found it in that statement, and somebody uses what that is about."""
    about = next((each for each in reversed(judged) if each.statement.line <= remark.line), None)
    return about is None or not (about.unused or remark.ours in about.rules)


def _on_the_way_back(migration: Migration, dialect: Dialect) -> list[Finding]:
    alone = not directives(migration.name, migration.down).transactional
    # After the line '-- migrate:down', and one back where a line of settings was put before those of the file.
    first = migration.up_line + migration.up.count("\n") + 1 - bool(_SETTINGS.match(migration.down))
    try:
        found = statements(migration.down, dialect)
    except UnreadableError as error:
        return _unread(migration, error, first)
    return [
        Finding(rule, migration.name, first + statement.line, advice)
        for statement in found
        for rule, advice in _wrong_form(statement, not alone, dialect).items()
    ]


def _wrong_form(statement: Statement, transactional: bool, dialect: Dialect) -> dict[str, str]:
    words = statement.words
    rule = ""
    if _controls_transaction(words):
        rule = "transaction-control"
    elif transactional and dialect.refuses_in_transaction and _needs_no_transaction(statement):
        rule = "needs-no-transaction"
    elif any(pair == ("CONCURRENTLY", "ON") for pair in zip(words, words[1:])):
        rule = "unnamed-index"
    return {rule: _FORM[rule]} if rule else {}


def _controls_transaction(words: Sequence[Word]) -> bool:
    if words[0] == "ROLLBACK":
        return "TO" not in words
    if words[0] in ("PREPARE", "START"):
        return tuple(words[1:2]) == ("TRANSACTION",)
    if words[0] == "BEGIN":
        return tuple(words[1:3]) != ("NOT", "ATOMIC")
    return words[0] in ("ABORT", "COMMIT", "END")


def _needs_no_transaction(statement: Statement) -> bool:
    words = statement.words
    if words[0] == "PRAGMA":
        reader = Reader(words[1:])
        name = reader.name().rpartition(".")[2].upper()
        return bool(reader.rest) and name not in _PRAGMAS_INSIDE
    if "CONCURRENTLY" in statement.tokens:
        return words[0] != "REFRESH"
    if words[0] == "VACUUM" or words == ("CLUSTER",) or words[:2] in _OUTSIDE:
        return True
    if words[0] == "REINDEX":
        return not _REINDEXED.isdisjoint(words)
    if words[:2] == ("ALTER", "DATABASE"):
        return ("SET", "TABLESPACE") in set(zip(words, words[1:]))
    return words[:2] == ("ALTER", "SUBSCRIPTION") and "REFRESH" in words
