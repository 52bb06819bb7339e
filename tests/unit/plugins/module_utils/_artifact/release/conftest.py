# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds.archive import Archive
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.outcome import Outcome
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.staging import ensure_staged
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources import Source


class Killed(BaseException):
    """Stands for a SIGKILL: nothing of ours may catch it and put things right."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "srv" / "shop"


@pytest.fixture
def stage(root: Path, build: Callable[..., Any]) -> Callable[..., Outcome]:
    """Stage a version whose app.py holds ``text``."""

    def run(version: str, text: str = "", *, checksum: str | None = None, **options: Any) -> Outcome:
        built = build(f"shop-{version}", {"app.py": text or version})
        return ensure_staged(
            str(root), version, Archive(Source(built.url, checksum or built.checksum)), **options
        )

    return run


@pytest.fixture
def kill_at(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Callable[[], None]]:
    """Have the n-th call of a function be the moment of a kill; returns what undoes that."""

    def arrange(owner: Any, name: str, call: int = 1) -> Callable[[], None]:
        original, calls = getattr(owner, name), [0]

        def deadly(*arguments: Any, **options: Any) -> Any:
            calls[0] += 1
            if calls[0] == call:
                raise Killed
            return original(*arguments, **options)

        monkeypatch.setattr(owner, name, deadly)
        return lambda: monkeypatch.setattr(owner, name, original)

    return arrange


@pytest.fixture
def killed() -> type[BaseException]:
    return Killed
