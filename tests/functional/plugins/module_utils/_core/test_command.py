# SPDX-License-Identifier: GPL-3.0-or-later
"""Real commands: what they get, what is kept of their output, and what an error says."""

from __future__ import annotations

import os
import pwd
import signal
import tempfile
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core import child_process
from ansible_collections.strata.deploy.plugins.module_utils._core.account import account
from ansible_collections.strata.deploy.plugins.module_utils._core.command import (
    CannotRunError,
    Command,
    CommandError,
    ExitCodeError,
    TimeLimitError,
)

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def shell(script: str, timeout: float = 20, **options: Any) -> Command:
    return Command(("sh", "-c", script), timeout, **{"name": "The hook", **options})


def conceal(text: str) -> str:
    return text.replace("s3cret", "***")


def test_it_gets_its_folder_its_environment_and_no_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OWN", "kept")
    monkeypatch.setenv("OTHER", "ours")
    monkeypatch.setenv("PASSWORD", "s3cret")
    environment = {"OTHER": "given", "PASSWORD": None}
    done = shell(
        'pwd; echo "$OWN $OTHER ${PASSWORD-none}"; cat', folder=tmp_path, environment=environment
    ).run()
    assert (done.code, done.output) == (0, f"{tmp_path}\nkept given none\n")


def test_it_reads_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("one\n")
    with open(tmp_path / "file", "rb") as stream:
        assert shell("cat").run(stdin=stream).output == "one\n"


def test_a_descriptor_is_inherited_where_asked() -> None:
    with tempfile.TemporaryFile() as file:
        number = file.fileno()
        assert shell(f"test -e /proc/self/fd/{number}").run().code == 1
        assert shell(f"test -e /proc/self/fd/{number}", inherited=(number,)).run().code == 0


def test_its_streams_are_apart_or_merged() -> None:
    script = "echo one; echo two >&2; echo three"
    apart, merged = shell(script).run(), shell(script).run(merge=True)
    assert (apart.output, apart.errors) == ("one\nthree\n", "two\n")
    assert (merged.output, merged.errors) == ("one\ntwo\nthree\n", "")


def test_secrets_are_concealed_save_where_all_is_asked_for() -> None:
    done = shell("echo a s3cret; echo another s3cret >&2; exit 1", conceal=conceal).run()
    assert (done.output, done.errors, done.whole_output()) == ("a ***\n", "another ***\n", "a s3cret\n")
    assert "s3cret" not in repr(done) + str(done.failure())


def test_credentials_in_urls_are_concealed_without_being_named() -> None:
    assert shell("echo pg://me:s3cret@db").run().output == "pg://***@db\n"


@pytest.mark.parametrize("limit", [0, 1, 4, 10])
def test_the_end_of_the_output_is_kept(limit: int) -> None:
    done = shell("printf 0123456789abcdef; printf 0123456789ABCDEF >&2").run(limit=limit)
    kept = (("0123456789abcdef" * 2)[32 - limit :], "0123456789ABCDEF"[16 - limit :])
    assert (done.output, done.errors) == (kept[0] if limit else "", kept[1] if limit else "")
    with pytest.raises(CommandError, match="The hook printed more than is kept"):
        done.whole_output()


def test_output_up_to_the_limit_is_whole() -> None:
    assert shell("printf 0123").run(limit=4).whole_output() == "0123"


@pytest.mark.parametrize("before", [0, 3, 10_000])
@pytest.mark.parametrize("after", range(4))
def test_a_secret_that_the_limit_cuts_in_two_is_not_shown_in_part(before: int, after: int) -> None:
    """The secret lies across the place where what is kept begins."""
    script = f"printf '%{before}s' ''; printf s3cret; printf '%{100 - after}s' ''"
    done = shell(script, conceal=conceal).run(limit=100)
    assert not set("s3cret") & set(done.output)


@pytest.mark.parametrize(
    ("script", "kind", "text"),
    [
        ("exit 3", ExitCodeError, "The hook failed with exit code 3. It printed nothing. Try again."),
        ("echo no; exit 1", ExitCodeError, "The hook failed with exit code 1: no. Try again."),
        ("echo No!; exit 1", ExitCodeError, "The hook failed with exit code 1: No! Try again."),
        (
            "echo one; echo two >&2; exit 1",
            ExitCodeError,
            "The hook failed with exit code 1. Its last output:\n  one\n  two\nTry again.",
        ),
        ("kill -9 $$", CommandError, "The hook was ended by signal 9. It printed nothing. Try again."),
    ],
)
def test_a_failure_says_what_came_back_and_what_to_do(
    script: str, kind: type[CommandError], text: str
) -> None:
    failure = shell(script).run().failure("Try again.", log=["no"])
    assert (type(failure), str(failure), failure.details) == (kind, text, {"log": ["no"]})


def test_a_failure_shows_the_last_lines() -> None:
    text = str(shell("for i in $(seq 30); do echo line $i; done; exit 1").run().failure())
    assert "line 21\n" in text
    assert "line 20\n" not in text


def test_much_output_does_not_cut_the_actual_error() -> None:
    text = str(shell("printf '%05000d\\nx\\n' 7; echo the actual error >&2; exit 1").run().failure())
    assert text.endswith("x\n  the actual error")
    assert len(text) < 1000


@pytest.mark.parametrize(
    ("words", "options", "text"),
    [
        (
            ("no-such-program",),
            {},
            "`no-such-program` could not be run: there is no no-such-program on the PATH of this host. Install it.",
        ),
        (("./absent",), {}, "`./absent` could not be run: No such file or directory. Install it."),
        (
            ("./plain",),
            {},
            "`./plain` could not be run: Permission denied. Check that it is executable and that its user may enter the folder.",
        ),
        (
            ("./no-interpreter",),
            {},
            "`./no-interpreter` could not be run: the interpreter in the first line of the script does not exist.",
        ),
        (
            ("./no-format",),
            {},
            "`./no-format` could not be run: Exec format error. A script needs a first line such as #!/bin/sh.",
        ),
        (("sh\0",), {}, "`sh\0` could not be run: embedded null byte."),
        (("true",), {"folder": "absent"}, "`true` could not be run in absent: there is no such folder."),
        (("s3cret",), {"name": "The s3cret"}, "The *** could not be run: there is no *** on the PATH"),
    ],
)
def test_what_cannot_be_run_is_said(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    options: dict[str, Any],
    text: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, content, mode in (
        ("plain", "", 0o644),
        ("no-interpreter", "#!/nowhere/sh\n", 0o755),
        ("no-format", "echo\n", 0o755),
    ):
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(mode)
    with pytest.raises(CannotRunError) as caught:
        Command(words, 20, conceal=conceal, if_missing="Install it.", **options).run()
    assert str(caught.value).startswith(text)


def test_what_takes_too_long_is_ended(tmp_path: Path, pid_in: Any, is_gone: Any, until: Any) -> None:
    script = "echo s3cret so far; sleep 60 & echo $! > child; wait"
    with pytest.raises(TimeLimitError) as caught:
        shell(script, 0.5, folder=tmp_path, conceal=conceal, if_slow="Raise it.").run()
    assert str(caught.value) == "The hook did not end within 0.5 s and was ended: *** so far. Raise it."
    child = pid_in(tmp_path / "child")
    until(lambda: is_gone(child), "the child has ended")


def test_what_cannot_be_ended_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    groups: list[int] = []

    def refuse(group: int, _number: int) -> None:
        groups.append(group)
        raise PermissionError(1, "Operation not permitted")

    with monkeypatch.context() as patch:
        patch.setattr(os, "killpg", refuse)
        with pytest.raises(TimeLimitError, match=r"could not be ended: process group \d+ still") as caught:
            shell("exec sleep 60", 0.2).run()
    assert f"group {groups[0]} " in str(caught.value)
    os.kill(groups[0], signal.SIGKILL)


def test_what_it_leaves_in_the_background_is_not_waited_for_and_goes_on(
    tmp_path: Path, pid_in: Any, is_gone: Any
) -> None:
    done = shell("sleep 60 & echo $! > child; echo one", folder=tmp_path).run()
    child = pid_in(tmp_path / "child")
    assert (done.output, is_gone(child)) == ("one\n", False)
    os.kill(child, signal.SIGKILL)


def test_an_interrupt_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_gone: Any) -> None:
    started: list[int] = []

    def interrupt(child: child_process.ChildProcess, _timeout: float | None) -> None:
        started.append(child.group)
        monkeypatch.undo()
        raise KeyboardInterrupt

    monkeypatch.setattr(child_process.ChildProcess, "wait", interrupt)
    with pytest.raises(KeyboardInterrupt):
        shell("exec sleep 60").run()
    assert is_gone(started[0])


@needs_root
def test_it_runs_as_its_user(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = pwd.getpwnam("nobody")
    monkeypatch.setenv("SUDO_COMMAND", "of root")
    script = 'id -u; id -g; id -G; echo "$HOME $USER $LOGNAME${SUDO_COMMAND-}"'
    done = shell(script, folder="/", account=account("nobody")).run()
    groups = " ".join(map(str, os.getgrouplist("nobody", nobody.pw_gid)))
    expected = [str(nobody.pw_uid), str(nobody.pw_gid), groups, f"{nobody.pw_dir} nobody nobody"]
    assert done.output.splitlines() == expected


@needs_root
def test_another_user_can_open_its_streams_by_name() -> None:
    script = "echo two > /dev/stderr; echo one > /dev/stdout"
    done = shell(script, folder="/", account=account("nobody")).run()
    assert (done.output, done.errors) == ("one\n", "two\n")


def test_a_result_is_not_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        shell("true").run().code = 1  # type: ignore[misc]
