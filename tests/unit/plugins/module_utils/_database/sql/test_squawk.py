# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The linter squawk beside ours, where it is not run."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._database.databases.mysql_sql import MYSQL
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.postgresql_sql import (
    POSTGRESQL,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.sqlite import SQLITE
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.model import Migration
from ansible_collections.strata.deploy.plugins.module_utils._database.sql import lint
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.dialect import UNKNOWN
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.files import parse

DOMAIN = "ALTER DOMAIN money_amount ADD CONSTRAINT positive CHECK (VALUE > 0)"


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


def migration(sql: str, directive: str = "", name: str = "1_x.sql") -> Migration:
    return parse(name, f"{directive}\n-- migrate:up\n{sql}\n-- migrate:down\nDROP TABLE t;\n".encode())


DIALECTS = {"": UNKNOWN, "mysql": MYSQL, "postgresql": POSTGRESQL, "sqlite": SQLITE}


def findings(migrations: Sequence[Migration], system: str) -> list[lint.Finding]:
    return lint.findings(migrations, DIALECTS[system])


def check(migrations: Sequence[Migration], system: str) -> None:
    lint.check(migrations, DIALECTS[system])


def rules(sql: str, directive: str = "", system: str = "postgresql") -> list[str]:
    return [finding.rule for finding in findings([migration(sql, directive)], system)]


@pytest.mark.parametrize("system", ["mysql", "sqlite", ""])
def test_it_is_asked_about_postgresql_alone(system: str) -> None:
    assert rules(DOMAIN, system=system) == []


def test_nothing_is_missed_where_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert rules(DOMAIN) == []
