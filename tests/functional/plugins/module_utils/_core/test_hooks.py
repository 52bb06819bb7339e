# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands of the operator's own, as real processes."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._core.hooks import OUTPUT_LIMIT, run


def python(code: str, timeout: float = 20, **options: object) -> tuple[int, str]:
    ended = run((sys.executable, "-c", code), timeout, name="hook", **options)  # type: ignore[arg-type]
    return ended.code, ended.output


def test_a_hook_has_its_folder_and_its_variables_and_its_output_is_kept(tmp_path: Path) -> None:
    code = "import os, sys; print(os.getcwd(), os.environ['WHO']); print('err', file=sys.stderr); sys.exit(3)"
    done, output = python(code, folder=str(tmp_path), environment={"WHO": "anna"})
    assert done == 3
    assert set(output.splitlines()) == {f"{tmp_path} anna", "err"}


def test_the_end_of_much_output_is_kept_without_secrets() -> None:
    _code, output = python(f"print('x' * {OUTPUT_LIMIT}); print('postgresql://shop:s3cret@db/shop')")
    assert output.endswith("postgresql://***@db/shop\n")
    assert len(output) <= OUTPUT_LIMIT


def test_a_hook_that_takes_too_long_is_killed_with_its_children(tmp_path: Path) -> None:
    child = "import os, pathlib, time; pathlib.Path('pid').write_text(str(os.getpid())); time.sleep(60)"
    code = (
        f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {child!r}]); time.sleep(60)"
    )
    with pytest.raises(StrataError, match=r"The hook .* did not end within 2 s and was killed"):
        python(code, timeout=2, folder=str(tmp_path))
    pid = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 10
    while runs(pid):
        assert time.monotonic() < deadline, "its child still runs"
        time.sleep(0.02)


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_what_a_hook_leaves_in_the_background_is_not_waited_for() -> None:
    began = time.monotonic()
    code = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(30)'])"
    assert python(code)[0] == 0
    assert time.monotonic() - began < 20


def test_a_hook_that_cannot_be_run_is_said() -> None:
    with pytest.raises(StrataError, match="The hook /nowhere could not be run: No such file or directory"):
        run(("/nowhere",), 1, name="hook")
