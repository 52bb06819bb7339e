# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading who deploys, what is drained, and the last deployments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable

Run = Callable[..., dict[str, Any]]


def test_where_nobody_ever_deployed_there_is_nothing(tmp_path: Path, run_module: Run) -> None:
    result = run_module("deploy_info", {"path": str(tmp_path / "shop")})
    assert (result["failed"], result["changed"]) == (False, False)
    assert (result["lock"], result["drained"], result["journal"]) == (None, {}, [])
    assert not (tmp_path / "shop").exists()


def test_as_many_entries_of_the_journal_as_wanted_come_the_newest_first(
    tmp_path: Path, run_module: Run
) -> None:
    lines = [json.dumps({"id": f"d{number}", "version": "1.0"}) for number in range(12)]
    (tmp_path / "journal.jsonl").write_text("\n".join(lines) + "\n")

    def ids(**entries: int) -> list[str]:
        result = run_module("deploy_info", {"path": str(tmp_path), **entries})
        return [entry["id"] for entry in result["journal"]]

    assert ids(entries=2) == ["d11", "d10"]
    assert ids(entries=0) == []
    assert ids() == [f"d{number}" for number in range(11, 1, -1)]


def test_what_is_no_lock_is_an_error(tmp_path: Path, run_module: Run) -> None:
    (tmp_path / "lock.json").write_text("{}")
    result = run_module("deploy_info", {"path": str(tmp_path)})
    assert result["failed"]
    assert "it is not a deploy lock" in result["msg"]
