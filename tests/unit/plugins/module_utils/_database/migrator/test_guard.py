# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the lock of an app's migrators is; what it is for is told by the tests of the engine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator import guard
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.guard import guarded


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the locks are made of a user who is not root."""
    monkeypatch.setattr(guard, "RUN", tmp_path / "absent")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path / f"strata-{os.geteuid()}"


def test_apps_do_not_wait_for_one_another(folder: Path) -> None:
    with guarded("/srv/shop", "the apply of 1.0", 0), guarded("/srv/blog", "the apply of 1.0", 0):
        assert len(list(folder.iterdir())) == 2
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_lock_that_others_could_have_made_is_refused(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(StrataError, match="move it away"), guarded("/srv/shop", "the apply of 1.0", 0):
        pass
