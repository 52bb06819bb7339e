# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a failed command of a release's tool is taken for."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import LockedError
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.protocol import EngineOptions
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.release_tool import ReleaseTool

REFUSED = "echo 'ERROR: canceling statement due to lock timeout' >&2"


def run(script: str, folder: Path, timeout: float = 20) -> None:
    tool = ReleaseTool(EngineOptions(release="2.0", timeout=timeout))
    tool.folder = folder
    tool.run("apply", ("sh", "-c", f"{REFUSED}; {script}"), {})


def test_a_command_that_fails_over_a_lock_was_refused_it(tmp_path: Path) -> None:
    with pytest.raises(LockedError, match="failed with exit code 1"):
        run("exit 1", tmp_path)


@pytest.mark.parametrize(
    ("script", "ended"), [("exec sleep 60", "did not end within 1 s"), ("kill -9 $$", "ended by signal 9")]
)
def test_a_command_that_was_ended_is_at_who_knows_what(tmp_path: Path, script: str, ended: str) -> None:
    with pytest.raises(StrataError, match=ended) as caught:
        run(script, tmp_path, timeout=1)
    assert "lock timeout" in str(caught.value)
    assert not isinstance(caught.value, LockedError)
