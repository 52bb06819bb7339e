# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's part of ``release``: with ``fetch: controller`` it fetches the artifact once, and hands it to each host."""

from __future__ import annotations

import contextlib
import hashlib
import json
import posixpath
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.arguments import (
    FETCHED,
    SOURCE,
    conceal,
    source,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources import Source, fetch, look_up
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._core.exclusive import exclusive
from ansible_collections.strata.deploy.plugins.module_utils._core.secrecy import blotted
from ansible_collections.strata.deploy.plugins.plugin_utils.host_action import HostAction

MODULE = "strata.deploy.release"
NOTHING = "/dev/null"
"""What the host is given where it should need nothing."""
PATIENCE = 24 * 3600.0
"""Seconds to wait for another host's worker, which is downloading; how long that takes is limited by the artifact's server."""


class ActionModule(HostAction):
    """Runs the module once, with the artifact in the host's temporary folder where it is needed there."""

    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        args = dict(self._task.args)
        if args.get("state") != "staged" or args.get("fetch") != "controller" or not args.get("url"):
            return self._run(args, task_vars)
        try:
            return self._handed_over(args, task_vars)
        except StrataError as error:
            return {"failed": True, "msg": f"On the controller: {error}", "untouched": True}

    def _handed_over(self, args: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        if self._task.async_val:
            raise StrataError("With fetch=controller a task cannot be async. Leave async out.")
        given = {name: value for name, value in args.items() if name in FETCHED}
        checked = ArgumentSpecValidator(FETCHED).validate(given)
        if checked.error_messages:
            raise StrataError("; ".join(checked.error_messages))
        with concealed(checked.validated_parameters):
            return self._fetched_here(args, checked.validated_parameters, task_vars)

    def _fetched_here(
        self, args: dict[str, Any], parameters: dict[str, Any], task_vars: dict[str, Any] | None
    ) -> dict[str, Any]:
        wanted = source(parameters)
        wanted.validate()
        module = {name: value for name, value in args.items() if name not in SOURCE}
        module.update(url=NOTHING, checksum=checksum_for_host(wanted), origin=wanted.shown)
        if self._has(args, Source(NOTHING, module["checksum"])):
            found = self._run(module, task_vars)
            if self._task.check_mode or not found.get("failed"):
                return found
        if wanted.url.startswith("/") and not Path(wanted.url).is_file():
            raise StrataError(f"There is no file {wanted.url}.")
        if self._task.check_mode:
            look_up(wanted)
            return self._run(module, task_vars)
        local = fetched(wanted, parameters["max_bytes"])
        folder = self._connection._shell.tmpdir or self._make_tmp_path()
        remote = self._connection._shell.join_path(folder, "artifact")
        self._transfer_file(str(local), remote)
        self._fixup_perms2((folder, remote))
        return self._run({**module, "url": remote}, task_vars)

    def _run(self, args: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        answer: dict[str, Any] = self._execute_module(
            module_name=MODULE,
            module_args=args,
            task_vars=task_vars,
            wrap_async=self._task.async_val and not self._connection.has_native_async,
        )
        return answer

    def _has(self, args: dict[str, Any], wanted: Source) -> bool:
        """Whether the host says that it has this build of the version; asked by the shell, for that takes no time."""
        state = posixpath.join(str(args.get("path", "")), ".strata", "state.json")
        try:
            found = json.loads(self._low_level_execute_command(f"cat {shlex.quote(state)}")["stdout"])
            digests = dict(found["releases"][str(args["version"])]["digests"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return False
        return wanted.matches(digests)


@contextlib.contextmanager
def concealed(parameters: Mapping[str, Any]) -> Iterator[None]:
    """Errors without the secrets of ``parameters``, which a server may repeat; Ansible blots out those of modules only."""
    secrets: set[str] = set()
    conceal(secrets, dict(parameters))
    try:
        yield
    except StrataError as error:
        raise StrataError(blotted(str(error), secrets)) from None


def checksum_for_host(wanted: Source) -> str:
    """What the host is to compare; it cannot know the digest in a URL, by which a registry names what has the file's digest."""
    if wanted.expected or not wanted.provider.pinned(wanted.url):
        return wanted.recorded
    with wanted.provider.open(wanted.url, wanted.access, str) as stream:
        return stream.digest or wanted.recorded


def fetched(wanted: Source, max_bytes: int) -> Path:
    """The artifact on the controller, verified; the first of the hosts' workers fetches it for all of this run."""
    named = hashlib.sha256(repr((wanted.url, wanted.checksum, wanted.signature)).encode()).hexdigest()
    # Ansible's own folder for this run, which is removed at its end.
    target = Path(constants.DEFAULT_LOCAL_TMP) / f"strata-{named}"
    failures = target.with_suffix(".failures")
    failures.touch(mode=0o600)
    before = failures.read_text()
    with exclusive(failures, timeout=PATIENCE):
        if target.exists():
            return target
        # Who waited for another worker does not try in vain once more what that one has tried meanwhile.
        meanwhile = failures.read_text().removeprefix(before).splitlines()
        if meanwhile:
            raise StrataError(meanwhile[-1])
        try:
            _fetch(wanted, target, max_bytes)
        except StrataError as error:
            with failures.open("a") as file:
                file.write(f"{error}\n")
            raise
    return target


def _fetch(wanted: Source, target: Path, max_bytes: int) -> None:
    partial = target.with_suffix(".partial")
    try:
        fetch(wanted, partial, max_bytes)
        partial.rename(target)
    except OSError as error:
        raise StrataError(
            f"Fetching {wanted.shown}: {error.strerror or error} ({target.parent}). Make room there, or name another folder"
            " as local_tmp in ansible.cfg."
        ) from error
    finally:
        partial.unlink(missing_ok=True)
