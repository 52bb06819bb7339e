# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The URLs that dbmate gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import (
    Timeouts,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.dbmate import is_absent, limited
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator import guard


@pytest.fixture(autouse=True)
def run_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "RUN", tmp_path)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgres://h/d", "postgres://h/d?lock_timeout=1500&statement_timeout=300000"),
        (
            "postgresql://h/d?sslmode=disable&lock_timeout=7",
            "postgresql://h/d?sslmode=disable&lock_timeout=7&statement_timeout=300000",
        ),
        ("mysql://h/d", "mysql://h/d?lock_wait_timeout=2&innodb_lock_wait_timeout=2"),
        ("sqlite:shop.db", "sqlite:shop.db?_busy_timeout=1500"),
        ("clickhouse://h/d", "clickhouse://h/d"),
        ("", ""),
    ],
)
def test_a_url_keeps_what_it_says_of_timeouts_itself(url: str, expected: str) -> None:
    assert limited(url, Timeouts(1.5, 300), None) == expected


@pytest.mark.parametrize(
    ("url", "absent"),
    [
        ("sqlite:here.db", False),
        ("sqlite:gone.db?mode=rwc", True),
        ("sqlite://FOLDER/here.db", False),
        ("sqlite:////FOLDER/here.db", False),
        ("sqlite3:FOLDER/a%20b.db", False),
        ("sqlite:///FOLDER/gone.db", True),
        ("postgresql://h/d", False),
        ("", False),
    ],
)
def test_a_file_that_dbmate_would_make_is_not_looked_into(tmp_path: Path, url: str, absent: bool) -> None:
    (tmp_path / "here.db").touch()
    (tmp_path / "a b.db").touch()
    assert is_absent(url.replace("FOLDER", str(tmp_path)), tmp_path) is absent
