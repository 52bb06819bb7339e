# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a task file of the user in a play of its own, inside a worker process of the play around it.

Ansible lets any task end the play that it is part of: an unreachable host, ``run_once``, ``any_errors_fatal``,
``meta: end_play``, a file that cannot be parsed. In a play of its own a file can only end itself. The worker was
forked from the controller, so it has the inventory, the variables and the secrets in memory, and nothing has to
be passed on to another process.
"""

from __future__ import annotations

import contextlib
import contextvars
import io
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible import context
from ansible.errors import AnsibleError
from ansible.executor.process.worker import WorkerProcess
from ansible.executor.task_queue_manager import AnsibleEndPlay, TaskQueueManager
from ansible.playbook.block import Block
from ansible.playbook.play import Play
from ansible.playbook.task import Task
from ansible.plugins.callback import CallbackBase
from ansible.utils.context_objects import CLIArgs

from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.reader import is_of_the_collection
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.results import failure_reason

SECRET = "its result is secret (no_log)"  # noqa: S105
ENDED = "The file ended the play before its last task."
REPLACED: Mapping[str, Any] = {
    "any_errors_fatal": False,
    "gather_facts": False,
    "max_fail_percentage": None,
    "post_tasks": [],
    "pre_tasks": [],
    "serial": [],
    "strategy": "linear",
    "validate_argspec": None,
    "vars_prompt": [],
}
"""What the play around the file has otherwise than the play that it is copied from."""
KEYWORDS: Mapping[str, Any] = {
    "any_errors_fatal": False,
    "debugger": "never",
    "ignore_errors": False,
    "ignore_unreachable": False,
}
"""What the tasks of the file do not inherit from the play, the blocks and the roles around it."""
FINISHED = ("v2_runner_on_ok", "v2_runner_on_skipped")
FAILED = ("v2_runner_on_failed", "v2_runner_on_unreachable")
SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True)
class Outcome:
    """What became of a file: why each host that failed did, whether anything changed, and the variables that were set."""

    failures: Mapping[str, str]
    changed: bool
    variables: Mapping[str, Mapping[str, Any]]


def run(
    file: str,
    hosts: Sequence[str],
    lost: Sequence[str],
    task: Task,
    worker: WorkerProcess,
    delegate_to: str = "",
) -> Outcome:
    """Run ``file`` on ``hosts`` as if ``task``, which ``worker`` runs, were an include of it; ``lost`` are out of the play."""
    if not Path(file).is_absolute() or not Path(file).is_file():
        return Outcome(
            dict.fromkeys(hosts, f"There is no file {file}. Give an absolute path on the controller."),
            False,
            {},
        )
    # An empty context, as the controller has one: what Ansible keeps there belongs to the task of this worker.
    return contextvars.Context().run(_run, file, hosts, lost, task, worker, delegate_to)


def _run(
    file: str, hosts: Sequence[str], lost: Sequence[str], task: Task, worker: WorkerProcess, delegate_to: str
) -> Outcome:
    # --tags, --step and --start-at-task chose the file as a whole. A task of it that is tagged `never` still needs its tag.
    tags = ("all", *context.CLIARGS.get("tags", ()))
    context.CLIARGS = CLIArgs({**context.CLIARGS, "step": False, "start_at_task": None, "tags": tags})
    manager = worker._variable_manager
    before = {host: dict(known) for host, known in manager._nonpersistent_fact_cache.items()}
    error = None
    with (
        _signals_kept(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        queue = _Queue(file, lost, worker)
        try:
            play, queue.end = _play(file, task, worker, delegate_to)
            manager._inventory.restrict_to_hosts([manager._inventory.get_host(host) for host in hosts])
            queue.run(play)
        except AnsibleEndPlay:
            pass
        except Exception as problem:
            error = f"{file}: {problem}"
        finally:
            queue.cleanup()
    return Outcome(
        {host: queue.reason(host, error) for host in hosts if error or not queue.succeeded(host)},
        queue.changed,
        _differences(before, manager._nonpersistent_fact_cache),
    )


def _differences(
    before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    found = {
        host: {
            name: value
            for name, value in known.items()
            if not (name.startswith("ansible_failed_") or is_of_the_collection(name))
            and (name not in before.get(host, {}) or before[host][name] != value)
        }
        for host, known in after.items()
    }
    return {host: values for host, values in found.items() if values}


def _play(file: str, task: Task, worker: WorkerProcess, delegate_to: str) -> tuple[Play, frozenset[str]]:
    """The play around ``task``, with nothing but the file in it; and the identifiers of the tasks that mark its end."""
    play = task.get_play().copy()
    for name in play.fattributes:
        if name in REPLACED:
            setattr(play, name, copy(REPLACED[name]))
    # The roles of the play keep their variables and handlers, but their tasks are not run again.
    play.handlers = play.compile_roles_handlers() + play.handlers
    play.roles = [copy(role) for role in play.roles]
    for role in play.roles:
        role.from_include = True
    for handler in (handler for block in play.handlers for handler in block.block):
        handler.notified_hosts = []
    include = {"file": file, "apply": {"delegate_to": delegate_to} if delegate_to else {}}
    block = Block.load(
        {
            **KEYWORDS,
            "vars": dict(task.vars),
            "block": [
                {"name": f"Read {_shown(file)}", "ansible.builtin.include_tasks": include},
                {"ansible.builtin.meta": "flush_handlers"},
                {"name": "The end of the file", "ansible.builtin.debug": {"msg": "reached"}},
                # `meta: end_role` skips everything up to this.
                {"ansible.builtin.meta": "role_complete"},
            ],
        },
        play=play,
        parent_block=task._parent,
        role=task._role,
        variable_manager=worker._variable_manager,
        loader=worker._loader,
    )
    play.tasks = [block]
    block.block[1].implicit = True  # a flush that is shown only where a handler runs
    return play, frozenset(each._uuid for each in block.block[2:])


def _shown(file: str) -> str:
    path = Path(file)
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


@contextlib.contextmanager
def _signals_kept() -> Iterator[None]:
    """A queue has signals end its workers; afterwards the worker's own handlers are needed again."""
    handlers = [signal.getsignal(number) for number in SIGNALS]
    try:
        yield
    finally:
        for number, handler in zip(SIGNALS, handlers):
            signal.signal(number, handler)


class _Queue(TaskQueueManager):  # type: ignore[misc]
    """Ansible's own loop over a play's tasks; it shows them as usual, and notes what becomes of each host."""

    def __init__(self, file: str, lost: Sequence[str], worker: WorkerProcess) -> None:
        super().__init__(
            inventory=worker._variable_manager._inventory,
            variable_manager=worker._variable_manager,
            loader=worker._loader,
            passwords={
                "conn_pass": worker._play_context.password,
                "become_pass": worker._play_context.become_pass,
            },
            run_additional_callbacks=False,
            forks=context.CLIARGS.get("forks"),
        )
        self._file = file
        self._controller = os.getppid()
        self._unreachable_hosts.update(dict.fromkeys(lost, True))
        self._notes = _Notes()
        self._cleared: set[str] = set()
        self.load_callbacks()
        self._callback_plugins.append(self._notes)
        self.end: frozenset[str] = frozenset()
        self.finished: set[str] = set()

    @property
    def changed(self) -> bool:
        return self._notes.changed

    def succeeded(self, host: str) -> bool:
        return host in self.finished and host not in self._cleared

    def reason(self, host: str, error: str | None) -> str:
        """Why a host did not reach the end."""
        own = self._notes.failures.get(host)
        if own and host in {*self._failed_hosts, *self._unreachable_hosts, *self._cleared}:
            return own
        if error:
            return error
        if own:
            return f"{own} {ENDED}"
        if host in self._failed_hosts and self._notes.failures:
            # A task with run_once or any_errors_fatal ends the file for all hosts.
            where, reason = list(self._notes.failures.items())[-1]
            return f"on {where}: {reason}"
        return ENDED

    def send_callback(self, method_name: str, *args: Any, **kwargs: Any) -> None:
        if os.getppid() != self._controller:
            raise AnsibleError("the controller has ended")
        task = getattr(args[0], "task", args[0]) if args else None
        if isinstance(task, Task) and task._get_meta() == "clear_host_errors":
            # The hosts go on after it, although a task was not done there.
            self._cleared.update(self._failed_hosts, self._unreachable_hosts)
        if method_name == "v2_playbook_on_play_start":
            shown = args[0].copy()
            shown.name = _shown(self._file)
            args = (shown,)
        elif getattr(task, "_uuid", None) in self.end and method_name not in FAILED:
            if method_name in FINISHED:
                self.finished.add(args[0].host.name)
            return
        super().send_callback(method_name, *args, **kwargs)


class _Notes(CallbackBase):  # type: ignore[misc]
    """The last failure of each host."""

    def __init__(self) -> None:
        super().__init__()
        self._init_callback_methods()
        self.failures: dict[str, str] = {}
        self.changed = False

    def v2_runner_on_ok(self, result: Any) -> None:
        self.changed = self.changed or result.is_changed()

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        if not ignore_errors:
            self._note(result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        if not result.task.ignore_unreachable:
            self._note(result)

    def _note(self, result: Any) -> None:
        told = {"failed": True, "msg": result.result.get("reason"), **result.result}
        reason = SECRET if "censored" in told else failure_reason(told)
        # The last one goes to the end.
        self.failures.pop(result.host.name, None)
        self.failures[result.host.name] = (
            f"{result.task.name or result.task.action}: {reason or 'no message'}"
        )
