# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a tool's commands as real processes: its words, its environment, its secrets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core import command as runner
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.tool import Tool


def run(script: str, folder: Path, **environment: Any) -> str:
    tool = Tool(None, environment, 20)
    tool.validate()
    return tool.run("plan", ("sh", "-c", script), folder, {"STRATA_PHASE": "expand"})


def test_it_runs_in_the_release_with_its_environment_and_no_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRATA_PHASE", "contract")
    monkeypatch.setenv("OF_THE_MODULE", "kept")
    answer = run('pwd; echo "$STRATA_PHASE $PORT $OF_THE_MODULE"; cat', tmp_path, PORT=5432)
    assert answer == f"{tmp_path}\nexpand 5432 kept\n"


def test_a_program_by_its_path_is_the_release_s(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "plan"
    program.write_text("#!/bin/sh\necho one\n")
    program.chmod(0o755)
    assert Tool(None, None, 20).run("plan", ("bin/plan",), tmp_path, {}) == "one\n"


@pytest.mark.parametrize("name", ["no-such-program", "bin/plan", "bin/pl\0n"])
def test_a_program_that_cannot_be_run_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(StrataError, match=r"^The plan command `.*` could not be run in /") as caught:
        Tool(None, {"PASSWORD": "s3cr3t"}, 20).run("plan", (name,), tmp_path, {})
    assert "s3cr3t" not in str(caught.value)


def test_a_failure_has_the_exit_code_and_the_last_output_without_secrets(tmp_path: Path) -> None:
    script = (
        'for i in $(seq 30); do echo line $i >&2; done; echo "password $PASSWORD, $URL" >&2; echo said too;'
        "echo postgresql://me:0ther@db/shop; exit 3"
    )
    with pytest.raises(StrataError) as caught:
        run(script, tmp_path, PASSWORD="hunter2", URL="postgresql://me:p%40ss@db/shop", ONE="1")
    text = str(caught.value)
    assert "failed with exit code 3. Its last output:" in text
    assert "line 22\n" in text
    assert "line 21\n" not in text
    assert "Its last output:\n  said too\n  postgresql://***@db/shop\n" in text
    assert text.endswith("password ********, ********")
    for secret in ("hunter2", "p%40ss", "p@ss", "0ther"):
        assert secret not in text


def test_a_secret_at_the_edge_of_what_is_shown_is_not_shown_in_part(tmp_path: Path) -> None:
    secret = "s3cr3t" * 50
    with pytest.raises(StrataError) as caught:
        run(
            f'printf "%s" "$SECRET" >&2; printf "%0{runner.SHOWN_LENGTH - 20}d" 7 >&2; exit 1',
            tmp_path,
            SECRET=secret,
        )
    assert "s3cr3t" not in str(caught.value)
    assert "****000" in str(caught.value)


def test_what_takes_too_long_says_where_to_look(tmp_path: Path) -> None:
    with pytest.raises(StrataError, match=r"did not end within 0\.2 s .* db_migrate_timeout"):
        Tool(None, None, 0.2).run("plan", ("sleep", "60"), tmp_path, {})
