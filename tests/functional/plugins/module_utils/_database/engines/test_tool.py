# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a tool's commands as real processes: environment, user, time, last words."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.engines import tool
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.tool import Tool

ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not ROOT, reason="only root can become another user")


def run(script: str, folder: Path, user: str | None = None, timeout: float = 20, **environment: Any) -> str:
    tool = Tool(user, environment, timeout)
    tool.validate()
    return tool.run("plan", ("sh", "-c", script), folder, {"STRATA_PHASE": "expand"})


def until(done: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 20
    while not done():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def pid_in(path: Path) -> int:
    until(lambda: path.exists() and path.read_text().endswith("\n"), "it never began")
    return int(path.read_text())


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


def test_a_failure_has_the_exit_code_and_the_last_words_without_secrets(tmp_path: Path) -> None:
    script = (
        'for i in $(seq 30); do echo line $i >&2; done; echo "password $PASSWORD, $URL" >&2; echo said too;'
        "echo postgresql://me:0ther@db/shop; exit 3"
    )
    with pytest.raises(StrataError) as caught:
        run(script, tmp_path, PASSWORD="hunter2", URL="postgresql://me:p%40ss@db/shop", ONE="1")
    text = str(caught.value)
    assert "failed with exit code 3. Its last words:" in text
    assert "line 22\n" in text
    assert "line 21\n" not in text
    assert "Its last words:\n  said too\n  postgresql://***@db/shop\n" in text
    assert text.endswith("password ********, ********")
    for secret in ("hunter2", "p%40ss", "p@ss", "0ther"):
        assert secret not in text


def test_much_talk_does_not_cut_the_actual_error(tmp_path: Path) -> None:
    with pytest.raises(StrataError, match=r"x\n  the actual error$"):
        run("printf '%05000d\\nx\\n' 7; echo the actual error >&2; exit 1", tmp_path)


def test_a_secret_at_the_edge_of_what_is_shown_is_not_shown_in_part(tmp_path: Path) -> None:
    secret = "s3cr3t" * 50
    with pytest.raises(StrataError) as caught:
        run(
            f'printf "%s" "$SECRET" >&2; printf "%0{tool.TAIL_LENGTH - 20}d" 7 >&2; exit 1',
            tmp_path,
            SECRET=secret,
        )
    assert "s3cr3t" not in str(caught.value)
    assert "****000" in str(caught.value)


@needs_root
def test_it_runs_as_the_user_with_its_groups_and_home(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = pwd.getpwnam("nobody")
    monkeypatch.setenv("SUDO_COMMAND", "of root")
    answer = run('id -u; id -g; id -G; echo "$HOME $USER $LOGNAME${SUDO_COMMAND-}"', Path("/"), user="nobody")
    groups = " ".join(map(str, os.getgrouplist("nobody", nobody.pw_gid)))
    expected = [str(nobody.pw_uid), str(nobody.pw_gid), groups, f"{nobody.pw_dir} nobody nobody"]
    assert answer.splitlines() == expected


@needs_root
def test_another_user_may_open_its_streams_by_name() -> None:
    assert run("echo all else > /dev/stderr; echo one > /dev/stdout", Path("/"), user="nobody") == "one\n"


def test_what_takes_too_long_is_ended_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tool, "GRACE", 0.2)
    script = "trap '' TERM; sh -c \"trap '' TERM; echo \\$\\$ > child; while :; do sleep 1; done\" & wait; sleep 60"
    with pytest.raises(StrataError, match=r"did not end within 1 s and was ended"):
        run(script, tmp_path, timeout=1)
    child = pid_in(tmp_path / "child")
    until(lambda: is_gone(child), "the child goes on")


def test_a_tool_behind_a_shell_may_put_right_what_it_is_at(tmp_path: Path) -> None:
    tidy = "trap 'sleep 0.3; echo tidied > tidied; exit' TERM; while :; do sleep 0.05; done"
    with pytest.raises(StrataError, match="and was ended"):
        run(f'sh -c "{tidy}" & wait', tmp_path, timeout=1)
    assert (tmp_path / "tidied").exists()


def test_what_runs_as_another_user_and_cannot_be_ended_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[int] = []

    def refuse(group: int, _number: int) -> None:
        ended.append(group)
        raise PermissionError(1, "Operation not permitted")

    with monkeypatch.context() as patch:
        patch.setattr(os, "killpg", refuse)
        with pytest.raises(StrataError, match=r"could not be ended: process group \d+ still runs") as caught:
            run("exec sleep 60", tmp_path, timeout=0.2)
    assert f"group {ended[0]} " in str(caught.value)
    os.kill(ended[0], signal.SIGKILL)


def test_what_it_leaves_in_the_background_is_not_waited_for(tmp_path: Path) -> None:
    assert run("sleep 60 & echo $! > child; echo one", tmp_path) == "one\n"
    os.kill(pid_in(tmp_path / "child"), signal.SIGKILL)


def test_a_killed_module_ends_its_command(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from ansible_collections.strata.deploy.plugins.module_utils._database.engines.tool import Tool\n"
        "Tool(None, None, 60).run('apply', ('sh', '-c', 'echo $$ > child; exec sleep 60'), Path(sys.argv[1]), {})\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    module = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], env=environment)
    try:
        child = pid_in(tmp_path / "child")
    finally:
        module.kill()
        module.wait()
    until(lambda: is_gone(child), "the command goes on")
