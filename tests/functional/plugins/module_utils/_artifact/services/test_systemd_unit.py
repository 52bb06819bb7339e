# SPDX-License-Identifier: GPL-3.0-or-later
"""Against executables that stand in for systemctl and journalctl and answer in their form."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.protocol import (
    NotingService,
    ServiceOptions,
    Status,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.systemd_unit import (
    Reloaded,
    Unit,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.watch import Watch
from ansible_collections.strata.deploy.plugins.module_utils._core import processes
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

STAND_IN = """#!{python}
import json, pathlib, sys, time
folder = pathlib.Path(__file__).parent
with open(folder / "calls", "a") as calls:
    calls.write(json.dumps([pathlib.Path(__file__).name, *sys.argv[1:]]) + "\\n")
verb = "log" if __file__.endswith("journalctl") else sys.argv[1]
answers = json.loads((folder / "answers").read_text())
answer = answers[verb].pop(0) if len(answers[verb]) > 1 else answers[verb][0]
(folder / "answers").write_text(json.dumps(answers))
time.sleep(answer.get("sleep", 0))
sys.stdout.write(answer.get("out", ""))
sys.stderr.write(answer.get("err", ""))
sys.exit(answer.get("code", 0))
"""


def shown(
    active: str,
    sub: str,
    pid: int,
    *,
    load: str = "loaded",
    result: str = "success",
    code: int = 0,
    reload: str = "no",
    restarts: int = 0,
    can_reload: str = "yes",
    unit: str = "shop.service",
    **more: str,
) -> dict[str, Any]:
    """The form of `systemctl show --property=...`: in systemd's order, not the one asked for."""
    return {
        "out": f"MainPID={pid}\nResult={result}\nExecMainStartTimestampMonotonic={pid * 1000}\n"
        f"ExecMainStatus={code}\nId={unit}\nLoadState={load}\nActiveState={active}\nSubState={sub}\n"
        f"NeedDaemonReload={reload}\nNRestarts={restarts}\nCanReload={can_reload}\n"
        + "".join(f"{name}={value}\n" for name, value in more.items())
    }


def commands(calls: Path) -> list[list[str]]:
    """What was run since, `systemctl show` left aside."""
    made = [json.loads(line) for line in calls.read_text().splitlines()]
    return [call for call in made if call[1] != "show"]


Answers = Callable[..., Path]


@pytest.fixture
def answers(environment_path: Path) -> Answers:
    def write(**verbs: Any) -> Path:
        for name in ("systemctl", "journalctl"):
            (environment_path / name).write_text(STAND_IN.format(python=sys.executable))
            (environment_path / name).chmod(0o755)
        listed = {verb: each if isinstance(each, list) else [each] for verb, each in verbs.items()}
        (environment_path / "answers").write_text(
            json.dumps(
                {
                    "log": [{}],
                    "show": [shown("active", "running", 7)],
                    "stop": [{}],
                    "reset-failed": [{}],
                    "start": [{}],
                    "reload": [{}],
                    **listed,
                }
            )
        )
        return environment_path / "calls"

    return write


@pytest.fixture
def systemd() -> Unit:
    return Unit(ServiceOptions("systemd", "shop.service", timeout=5))


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (shown("active", "running", 7), Status("running", "active/running", 7, "7000")),
        (shown("reloading", "reload", 7), Status("running", "reloading/reload", 7, "7000")),
        (shown("refreshing", "refresh", 7), Status("running", "refreshing/refresh", 7, "7000")),
        (shown("activating", "start", 7), Status("starting", "activating/start", 7, "7000")),
        (
            shown("activating", "auto-restart", 0, result="exit-code", code=1),
            Status("failed", "activating/auto-restart, result exit-code, exit status 1", None, "0"),
        ),
        (
            shown("activating", "auto-restart-queued", 0, result="exit-code", code=1),
            Status("failed", "activating/auto-restart-queued, result exit-code, exit status 1", None, "0"),
        ),
        (
            shown("failed", "failed", 0, result="exit-code", code=203),
            Status("failed", "failed/failed, result exit-code, exit status 203", None, "0"),
        ),
        (
            shown("inactive", "dead", 0),
            Status("stopped", "inactive/dead, result success, exit status 0", None, "0"),
        ),
        (
            shown("deactivating", "stop-sigterm", 7),
            Status("stopped", "deactivating/stop-sigterm, result success, exit status 0", 7, "7000"),
        ),
    ],
)
def test_a_unit_has_a_status(answers: Answers, systemd: Unit, answer: dict[str, Any], status: Status) -> None:
    answers(show=answer)
    assert systemd.status() == status


@pytest.mark.parametrize(
    ("load", "why"),
    [
        ("not-found", r"cannot use the unit 'shop\.service': it is not-found\. Install it"),
        ("masked", "it is masked. Unmask it"),
        ("bad-setting", "it is bad-setting. What systemd makes of it is in"),
    ],
)
def test_a_unit_that_cannot_be_used_is_an_error(answers: Answers, systemd: Unit, load: str, why: str) -> None:
    answers(show=shown("inactive", "dead", 0, load=load))
    with pytest.raises(StrataError, match=why):
        systemd.status()


def test_a_restart_looks_for_left_over_children_while_the_unit_is_stopped(
    answers: Answers, systemd: Unit
) -> None:
    calls = answers()
    seen: list[list[str]] = []
    systemd.restart(lambda: seen.extend(commands(calls)))
    assert seen == [["systemctl", "stop", "--", "shop.service"]]
    assert commands(calls)[-1] == ["systemctl", "start", "--", "shop.service"]


def test_a_unit_is_not_started_beside_a_left_over_child(answers: Answers, systemd: Unit) -> None:
    calls = answers()

    def stopped() -> None:
        raise StrataError("another process answers there")

    with pytest.raises(StrataError, match="another process"):
        systemd.restart(stopped)
    assert len(commands(calls)) == 1


@pytest.mark.parametrize("answer", [{}, {"code": 1, "err": "Unit shop.service not loaded."}])
def test_a_former_crash_loop_does_not_count_against_a_start(
    answers: Answers, systemd: Unit, answer: dict[str, Any]
) -> None:
    calls = answers(**{"reset-failed": answer})
    systemd.restart(lambda: None)
    assert [call[1] for call in commands(calls)] == ["stop", "reset-failed", "start"]


def test_a_unit_that_changed_on_disk_is_read_anew(answers: Answers, systemd: Unit) -> None:
    old, new = shown("active", "running", 7, reload="yes"), shown("active", "running", 7)
    calls = answers(show=[old, new], **{"daemon-reload": {}})
    systemd.restart(lambda: None)
    assert [call[1] for call in commands(calls)] == ["daemon-reload", "stop", "reset-failed", "start"]


def test_a_unit_that_changed_into_an_unusable_one_is_not_stopped(answers: Answers, systemd: Unit) -> None:
    old = shown("active", "running", 7, reload="yes")
    calls = answers(show=[old, shown("active", "running", 7, load="bad-setting")], **{"daemon-reload": {}})
    with pytest.raises(StrataError, match="it is bad-setting"):
        systemd.restart(lambda: None)
    assert [call[1] for call in commands(calls)] == ["daemon-reload"]


WITH_SOCKET = shown("active", "running", 7, TriggeredBy="shop.socket")
SOCKET = shown("active", "listening", 0, unit="shop.socket")
WITH_WORKER = shown("active", "running", 7, BoundBy="worker.service")
WORKER = shown("active", "running", 8, unit="worker.service")


def test_a_service_that_a_socket_starts_is_not_expected_to_be_silent(answers: Answers, systemd: Unit) -> None:
    """The probe for silence would start it."""
    calls = answers(show=[WITH_SOCKET, SOCKET])
    systemd.restart(lambda: pytest.fail("it was asked for silence"))
    assert commands(calls) == [
        ["systemctl", "stop", "--", "shop.service"],
        ["systemctl", "reset-failed", "--", "shop.service"],
        ["systemctl", "start", "--", "shop.service"],
    ]


def test_a_service_whose_socket_does_not_listen_is_expected_to_be_silent(
    answers: Answers, systemd: Unit
) -> None:
    answers(show=[WITH_SOCKET, shown("inactive", "dead", 0, unit="shop.socket")])
    asked: list[bool] = []
    systemd.restart(lambda: asked.append(True))
    assert asked


def test_a_socket_that_has_failed_listens_before_its_service_starts(answers: Answers, systemd: Unit) -> None:
    calls = answers(show=[WITH_SOCKET, shown("failed", "failed", 0, unit="shop.socket")])
    systemd.restart(lambda: None)
    assert commands(calls)[1:] == [
        ["systemctl", "reset-failed", "--", "shop.socket", "shop.service"],
        ["systemctl", "start", "--", "shop.socket", "shop.service"],
    ]


def test_an_old_process_that_could_answer_at_the_socket_is_an_error(
    answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    systemd = Unit(ServiceOptions("systemd", "shop.service", timeout=0.3))
    group = shown(
        "active", "running", 7, TriggeredBy="shop.socket", ControlGroup="/system.slice/shop.service"
    )
    calls = answers(show=[group, SOCKET])
    left = subprocess.Popen(["sleep", "60"])
    monkeypatch.setattr(
        processes,
        "in_control_group",
        {"/system.slice/shop.service": {left.pid: processes.started(left.pid)}}.__getitem__,
    )
    try:
        with pytest.raises(StrataError, match=f"process {left.pid} of 'shop.service' still runs"):
            systemd.restart(lambda: None)
        assert [call[1] for call in commands(calls)] == ["stop"]
    finally:
        left.kill()
        left.wait()
    answers(show=[group, SOCKET])
    systemd.restart(lambda: None)


def test_units_that_are_stopped_with_a_service_are_started_with_it(answers: Answers, tmp_path: Path) -> None:
    systemd = Unit(ServiceOptions("systemd", "shop.service", timeout=5, notes=str(tmp_path)))
    calls = answers(show=[WITH_WORKER, WORKER])
    systemd.restart(lambda: None)
    assert commands(calls) == [
        ["systemctl", "stop", "--", "shop.service"],
        ["systemctl", "stop", "--", "worker.service"],
        ["systemctl", "reset-failed", "--", "shop.service", "worker.service"],
        ["systemctl", "start", "--", "shop.service", "worker.service"],
    ]
    assert isinstance(systemd, NotingService)
    assert (tmp_path / "systemd.json").exists()
    systemd.finish()
    assert not (tmp_path / "systemd.json").exists()


def test_units_that_a_restart_left_stopped_are_started_by_the_next_one(
    answers: Answers, tmp_path: Path
) -> None:
    """A run was killed, or the release crashed and took them along."""
    options = ServiceOptions("systemd", "shop.service", timeout=5, notes=str(tmp_path))

    def killed() -> None:
        raise KeyboardInterrupt

    answers(show=[WITH_WORKER, WORKER])
    with pytest.raises(KeyboardInterrupt):
        Unit(options).restart(killed)
    calls = answers(show=[WITH_WORKER, shown("inactive", "dead", 0, unit="worker.service")])
    calls.unlink()
    # Another service under the same folder does not take them for its own.
    Unit(replace(options, name="other.service")).restart(lambda: None)
    assert commands(calls)[-1] == ["systemctl", "start", "--", "other.service"]
    Unit(options).restart(lambda: None)
    assert commands(calls)[-1] == ["systemctl", "start", "--", "shop.service", "worker.service"]


def test_a_unit_that_is_gone_or_not_to_be_started_by_hand_is_passed_over(
    answers: Answers, systemd: Unit
) -> None:
    gone = shown("inactive", "dead", 0, unit="worker.service", load="not-found")
    calls = answers(show=[WITH_WORKER, WORKER, gone], stop=[{}, {"code": 1, "err": "refused"}])
    systemd.restart(lambda: None)
    assert commands(calls)[-1] == ["systemctl", "start", "--", "shop.service"]


def test_a_job_that_ends_is_refused_before_the_switch(answers: Answers, systemd: Unit) -> None:
    answers(show=shown("inactive", "dead", 0, Type="oneshot", RemainAfterExit="no"))
    with pytest.raises(StrataError, match="it is of Type=oneshot and does not stay active"):
        systemd.status()
    answers(show=shown("active", "exited", 0, Type="oneshot", RemainAfterExit="yes"))
    status = systemd.status()
    assert (status.phase, status.pid) == ("running", None)
    assert "its process has ended" in systemd.doubt(status, probed=False)
    assert systemd.doubt(status, probed=True) == systemd.doubt(OLD, probed=False) == ""


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (
            {"code": 1, "err": "Job for shop.service failed."},
            r"`systemctl {verb}` for 'shop\.service' failed with exit code 1: Job for",
        ),
        ({"sleep": 30}, "did not end within 0.2 s and was ended. It printed nothing. Give it longer"),
    ],
)
@pytest.mark.parametrize("verb", ["stop", "start"])
def test_a_restart_that_fails_is_an_error(
    answers: Answers, verb: str, answer: dict[str, Any], why: str
) -> None:
    answers(**{verb: answer})
    systemd = Unit(ServiceOptions("systemd", "shop.service", timeout=0.2 if "sleep" in answer else 5))
    with pytest.raises(StrataError, match=why.format(verb=verb)):
        systemd.restart(lambda: None)


def test_a_host_without_systemd_is_an_error(
    systemd: Unit, environment_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(environment_path))
    with pytest.raises(StrataError, match="there is no systemctl"):
        systemd.status()


OLD = Status("running", "active/running", 7, "7000")


@pytest.mark.parametrize(
    ("show", "why"),
    [
        ([shown("active", "running", 7)], "is still the old one"),
        (
            [
                shown("active", "running", 8),
                shown("activating", "auto-restart", 0, result="exit-code", code=1),
            ],
            "ended right after",
        ),
        ([shown("active", "running", 8), shown("active", "running", 9)], "ended and was started again"),
        ([shown("active", "running", 8, restarts=1)], r"was started again \(restarts so far: 1\)"),
        ([shown("inactive", "dead", 0)], "ended right after"),
    ],
    ids=["not restarted", "crash loop", "crash loop seen late", "crash between two looks", "exit"],
)
def test_a_new_process_that_does_not_stay_is_noticed_with_its_log(
    answers: Answers, systemd: Unit, show: list[dict[str, Any]], why: str
) -> None:
    answers(show=show, log={"out": "cannot reach postgresql://u:s3cret@db/x\nfirst\n"})
    watch = Watch(systemd, OLD)
    for _ in show[:-1]:
        watch.alive()
    with pytest.raises(StrataError, match=why) as raised:
        watch.alive()
    assert raised.value.details["log"] == ["first", "cannot reach postgresql://***@db/x"]
    assert "cannot reach" in str(raised.value)


@pytest.mark.parametrize(
    ("log", "lines"),
    [
        ([{}, {"out": "no such table\nreading it\n"}], ["reading it", "no such table"]),
        (
            [{}, {}, {"out": "shop.service: Failed to locate executable\n"}],
            ["shop.service: Failed to locate executable"],
        ),
        ([{"code": 1, "err": "Access denied"}, {"out": "no such table\n"}], ["no such table"]),
    ],
    ids=["its own words", "else those of systemd", "without the right to sync"],
)
def test_the_log_is_what_the_unit_said_since_its_restart(
    answers: Answers, systemd: Unit, log: list[dict[str, Any]], lines: list[str]
) -> None:
    calls = answers(log=log)
    assert systemd.log_tail() == lines
    read = commands(calls)
    assert read[0] == ["journalctl", "--sync"]
    assert [call[-1] for call in read[1:]] == ["_SYSTEMD_UNIT=shop.service", "--unit=shop.service"][
        : len(read) - 1
    ]
    assert all(
        any(word.startswith("--since=@") for word in call) and "--reverse" in call for call in read[1:]
    )


@pytest.fixture
def reloaded() -> Reloaded:
    return Reloaded(ServiceOptions("systemd", "shop.service", timeout=5, min_uptime=0))


def test_a_reload_keeps_the_main_process(answers: Answers, reloaded: Reloaded) -> None:
    # It has crashed before: that is not this release's.
    calls = answers(show=shown("active", "running", 7, restarts=2))
    former = reloaded.status()
    stopped: list[bool] = []
    reloaded.restart(lambda: stopped.append(True))
    assert commands(calls) == [["systemctl", "reload", "--", "shop.service"]]
    assert not stopped
    assert Watch(reloaded, former).running(5).pid == 7


@pytest.mark.parametrize(
    "after", [shown("active", "running", 8, restarts=3), shown("active", "running", 8, restarts=2)]
)
def test_a_main_process_that_a_reload_ends_is_noticed(
    answers: Answers, reloaded: Reloaded, after: dict[str, Any]
) -> None:
    before = shown("active", "running", 7, restarts=2)
    answers(show=[*[before] * 4, after])
    former = reloaded.status()
    reloaded.restart(lambda: None)
    watch = Watch(reloaded, former)
    watch.alive()
    with pytest.raises(StrataError, match="ended and was started again"):
        watch.alive()


@pytest.mark.parametrize(
    "state", [("inactive", "dead"), ("activating", "auto-restart"), ("failed", "failed")]
)
def test_a_unit_that_is_not_active_is_started_instead_of_reloaded(
    answers: Answers, reloaded: Reloaded, state: tuple[str, str]
) -> None:
    calls = answers(show=shown(*state, 0))
    reloaded.restart(lambda: None)
    assert [call[1] for call in commands(calls)] == ["stop", "reset-failed", "start"]


def test_a_unit_that_cannot_be_reloaded_is_an_error_before_the_switch(
    answers: Answers, reloaded: Reloaded
) -> None:
    calls = answers(show=shown("active", "running", 7, can_reload="no"))
    with pytest.raises(StrataError, match=r"cannot reload .*'shop\.service': it has no ExecReload="):
        reloaded.status()
    assert commands(calls) == []


def test_a_unit_that_can_be_reloaded_once_it_is_read_anew_is_reloaded(
    answers: Answers, reloaded: Reloaded
) -> None:
    old = shown("active", "running", 7, can_reload="no", reload="yes")
    calls = answers(show=[old, old, shown("active", "running", 7)], **{"daemon-reload": {}})
    assert reloaded.status().phase == "running"
    reloaded.restart(lambda: None)
    assert [call[1] for call in commands(calls)] == ["daemon-reload", "reload"]


def test_a_new_process_that_stays_is_waited_for(answers: Answers) -> None:
    systemd = Unit(ServiceOptions("systemd", "shop.service", timeout=5, min_uptime=0))
    answers(
        show=[
            shown("activating", "start-pre", 0),
            *[shown("activating", "start", 8)] * 2,
            shown("active", "running", 8),
        ]
    )
    assert Watch(systemd, OLD).running(5).pid == 8


def test_a_process_must_stay_for_its_min_uptime(answers: Answers) -> None:
    systemd = Unit(ServiceOptions("systemd", "shop.service", timeout=5, min_uptime=60))
    answers(show=[*[shown("active", "running", 8)] * 2, shown("active", "running", 9, restarts=1)])
    with pytest.raises(StrataError, match="was started again"):
        Watch(systemd, OLD).running(5)
    systemd = Unit(ServiceOptions("systemd", "shop.service", timeout=5, min_uptime=0.3))
    answers(show=shown("active", "running", 8))
    watch = Watch(systemd, OLD)
    assert watch.running(5).pid == 8
    assert time.monotonic() - watch.since >= 0.3


def test_a_process_that_does_not_get_to_run_is_an_error(answers: Answers, systemd: Unit) -> None:
    answers(show=shown("activating", "start", 8))
    with pytest.raises(StrataError, match=r"was not running within 0\.01 s"):
        Watch(systemd, OLD).running(0.01)
