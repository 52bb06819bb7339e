# SPDX-License-Identifier: GPL-3.0-or-later
"""Real commands whose output is read while they run."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core import pipe as module
from ansible_collections.strata.deploy.plugins.module_utils._core.command import (
    Command,
    Result,
    TimeLimitError,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.pipe import Pipe, piped

MUCH = os.urandom(3 * module.CHUNK)


def shell(script: str, timeout: float | None = 20, **options: Any) -> Command:
    return Command(("sh", "-c", script), timeout, **{"name": "The dump", **options})


def all_of(pipe: Pipe) -> bytes:
    return b"".join(iter(lambda: pipe.read(1000), b""))


def finished(pipe: Pipe) -> Result:
    all_of(pipe)
    return pipe.result()


@pytest.mark.parametrize("content", [b"", b"one\n", MUCH], ids=["nothing", "a line", "much"])
def test_what_is_fed_comes_out(content: bytes) -> None:
    with piped(shell("cat"), io.BytesIO(content).read) as pipe:
        assert all_of(pipe) == content
        assert (pipe.result().code, pipe.fed) == (0, True)


def test_output_is_read_while_the_command_runs(tmp_path: Path) -> None:
    with piped(shell("echo one; until test -e go; do sleep 0.01; done; echo two", folder=tmp_path)) as pipe:
        assert pipe.read(100) == b"one\n"
        (tmp_path / "go").touch()
        assert all_of(pipe) == b"two\n"


def test_a_command_that_reads_only_a_part_is_not_fed() -> None:
    with piped(shell("head -c 10"), io.BytesIO(MUCH).read) as pipe:
        assert all_of(pipe) == MUCH[:10]
        assert (pipe.result().code, pipe.fed) == (0, False)


def test_a_failure_has_its_errors_without_secrets() -> None:
    command = shell("echo no s3cret >&2; exit 3", conceal=lambda text: text.replace("s3cret", "***"))
    with piped(command) as pipe:
        assert all_of(pipe) == b""
        assert str(pipe.result().failure()) == "The dump failed with exit code 3: no ***."


@pytest.mark.parametrize("script", ["exec sleep 60", "exec sleep 60 1>&-"])
def test_what_takes_too_long_is_ended(script: str) -> None:
    with (
        piped(shell(script, 0.2)) as pipe,
        pytest.raises(TimeLimitError, match=r"The dump did not end within 0\.2 s and was ended"),
    ):
        finished(pipe)


def test_without_a_timeout_it_must_end_after_its_output(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ENDING", 0.1)
    with (
        piped(shell("exec sleep 60 1>&-", None)) as pipe,
        pytest.raises(TimeLimitError, match=r"did not end within 0\.1 s"),
    ):
        finished(pipe)


def test_it_is_ended_where_it_is_left_early(tmp_path: Path, pid_in: Any, is_gone: Any) -> None:
    with piped(shell("echo $$ > child; exec sleep 60", folder=tmp_path), io.BytesIO(MUCH).read):
        child = pid_in(tmp_path / "child")
    assert is_gone(child)


def test_an_error_of_the_feeder_comes_through_and_ends_it(tmp_path: Path) -> None:
    def broken(_size: int) -> bytes:
        raise OSError("the download broke off")

    with pytest.raises(OSError, match="broke off"), piped(shell("cat"), broken) as pipe:
        pipe.read(10)
