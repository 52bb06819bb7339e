# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""supervisord over its XML-RPC interface.

The protocol: http://supervisord.org/api.html
"""

from __future__ import annotations

import http.client
import re
import socket
import time
import xmlrpc.client
import zlib
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, Callable, ClassVar
from urllib.parse import unquote, urlsplit
from xml.parsers.expat import ExpatError

from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.protocol import (
    POLL,
    SHARED,
    Service,
    ServiceOptions,
    Status,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.watch import Watch
from ansible_collections.strata.deploy.plugins.module_utils._core import urls
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

BAD_NAME = 10
ALREADY_STARTED = 60
NOT_RUNNING = 70

PHASES = {
    "RUNNING": "running",
    "STARTING": "starting",
    "STOPPED": "stopped",
    "STOPPING": "stopped",
    "EXITED": "stopped",
    "BACKOFF": "failed",
    "FATAL": "failed",
    "UNKNOWN": "failed",
}
INFO: Mapping[str, type] = {
    "name": str,
    "group": str,
    "statename": str,
    "spawnerr": str,
    "exitstatus": int,
    "pid": int,
    "start": int,
}
"""What is used of supervisord's structure about a process."""

# What xmlrpc.client raises for an answer that is not XML-RPC, HTML or an empty body for instance: it checks little, and
# lets through whatever that leads to.
UNREADABLE = (
    ExpatError,
    xmlrpc.client.ResponseError,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    TypeError,
    ValueError,
    zlib.error,
)

WORST_FIRST = ("failed", "stopped", "starting", "running")
LOG_BYTES = 8192


class UnreadableError(StrataError):
    """An answer that is not supervisord's."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class _Transport(xmlrpc.client.Transport):
    def __init__(self, options: ServiceOptions) -> None:
        bare, headers = urls.credentials(options.own["address"])
        super().__init__(headers=list(headers.items()))
        self._parts = urlsplit(bare)
        self._timeout = options.timeout

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        if self._connection and self._connection[1]:
            return self._connection[1]
        connection: http.client.HTTPConnection
        if self._parts.scheme == "unix":
            connection = _UnixConnection(unquote(self._parts.path), self._timeout)
        else:
            connection = http.client.HTTPConnection(
                self._parts.hostname or "", self._parts.port, timeout=self._timeout
            )
        self._connection = host, connection
        return connection


class Supervisord:
    """One program of a supervisord: its process NAME or GROUP:NAME; or all processes of a group, GROUP:*."""

    NAME: ClassVar[str] = "supervisord"
    OPTIONS: ClassVar[Mapping[str, Any]] = {
        **SHARED,
        "address": {"type": "str", "required": True, "no_log": True},
    }

    def __init__(self, options: ServiceOptions) -> None:
        self.options = options
        self._log_sizes: dict[tuple[str, str], int] = {}

    @classmethod
    def service(cls, options: ServiceOptions) -> Service | None:
        return cls(options)

    def validate(self) -> None:
        form = "unix:///PATH/TO/SOCKET or http://[USER:PASSWORD@]HOST:PORT"
        bare, _headers = urls.credentials(self.options.own["address"])
        parts = urlsplit(bare)
        usable = (
            parts.path.startswith("/")
            if parts.scheme == "unix"
            else parts.scheme == "http" and parts.hostname
        )
        if not usable or parts.query or "%00" in parts.path:
            raise StrataError(f"The address of supervisord is not of the form {form}.")
        if parts.scheme == "http":
            urls.validate_host(parts.hostname or "", "address of supervisord")
        if not re.fullmatch(r"[^\s:*]+(:([^\s:*]+|\*))?", self.options.name):
            raise StrataError(
                f"'{self.options.name}' is not the name of a process, NAME or GROUP:NAME, or of a group's, GROUP:*."
            )

    def status(self) -> Status:
        each = {name: self._status(name) for name in self._names()}
        # Of a group it is that of the worst; its first process stands for the main one.
        worst = min(each, key=lambda name: WORST_FIRST.index(each[name].phase))
        if len(each) == 1:
            return each[worst]
        started = " ".join(f"{status.pid}@{status.started}" for status in each.values())
        return Status(
            each[worst].phase, f"{worst} {each[worst].detail}", next(iter(each.values())).pid, started
        )

    def restart(self, stopped: Callable[[], None]) -> None:
        names = self._names()
        for name in names:
            former = self._status(name)
            self._stop(name)
            for channel in ("Stdout", "Stderr"):
                self._log_sizes[name, channel] = self._tail(name, channel, 0)[1]
            if len(names) == 1:
                stopped()
            self._start(name)
            if name != names[-1]:
                # Its siblings serve on; the next one is to go only when this one is back.
                one = Supervisord(replace(self.options, name=name, min_uptime=0))
                one._log_sizes = self._log_sizes
                Watch(one, former).running(self.options.timeout)

    def log_tail(self) -> list[str]:
        lines: list[str] = []
        for (name, channel), before in self._log_sizes.items():
            data, size = self._tail(name, channel, LOG_BYTES)
            new = size - before if size >= before else size
            lines += data[-new:].decode(errors="replace").splitlines()[-20:] if new else []
        return lines

    def doubt(self, status: Status | None, probed: bool) -> str:
        del status, probed
        return ""

    def _names(self) -> list[str]:
        group, _colon, process = self.options.name.partition(":")
        if process != "*":
            return [self.options.name]
        return [name for name in self._known() if name.startswith(f"{group}:")] or [f"{group}:*"]

    def _known(self) -> list[str]:
        method = "getAllProcessInfo"
        try:
            found = self._call(method)
        except xmlrpc.client.Fault as fault:
            raise self._refused("list the processes for", self.options.name, fault) from fault
        if not isinstance(found, list):
            raise self._unreadable(method)
        return [f"{each['group']}:{each['name']}" for each in (self._checked(method, info) for info in found)]

    def _status(self, name: str) -> Status:
        info = self._info(name)
        state = info["statename"]
        why = info["spawnerr"] or (
            f"exit status {info['exitstatus']}" if state in ("EXITED", "FATAL") else ""
        )
        detail = f"{state}: {why}" if why and state not in ("RUNNING", "STARTING") else str(state)
        return Status(PHASES[state], detail, info["pid"] or None, str(info["start"]))

    def _start(self, name: str) -> None:
        try:
            self._call("startProcess", name, False)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode != ALREADY_STARTED:
                raise self._refused("start", name, fault) from fault

    @cached_property
    def _server(self) -> xmlrpc.client.ServerProxy:
        return xmlrpc.client.ServerProxy("http://supervisord/RPC2", _Transport(self.options))

    def _info(self, name: str) -> Mapping[str, Any]:
        method = "getProcessInfo"
        try:
            return self._checked(method, self._call(method, name))
        except xmlrpc.client.Fault as fault:
            if fault.faultCode != BAD_NAME:
                raise self._refused("ask for", name, fault) from fault
            raise StrataError(
                f"supervisord knows no process '{name}'; it has: {', '.join(self._known()) or 'none'}."
            ) from fault

    def _checked(self, method: str, info: Any) -> Mapping[str, Any]:
        if (
            not isinstance(info, dict)
            or not all(
                isinstance(info.get(name), kind) and not isinstance(info[name], bool)
                for name, kind in INFO.items()
            )
            or info["statename"] not in PHASES
        ):
            raise self._unreadable(method)
        return info

    def _stop(self, name: str) -> None:
        deadline = time.monotonic() + self.options.timeout
        while True:
            state = self._info(name)["statename"]
            if state in ("RUNNING", "STARTING", "BACKOFF"):
                try:
                    self._call("stopProcess", name, False)
                except xmlrpc.client.Fault as fault:
                    if fault.faultCode != NOT_RUNNING:
                        raise self._refused("stop", name, fault) from fault
            elif state != "STOPPING":
                return
            if time.monotonic() >= deadline:
                raise StrataError(
                    f"supervisord did not get service '{name}' stopped within {self.options.timeout:g} s;"
                    " give it longer with the service's timeout, or shorten the program's stopwaitsecs."
                )
            time.sleep(POLL)

    def _tail(self, name: str, channel: str, length: int) -> tuple[bytes, int]:
        """The last bytes of a log, and its size; nothing where there is no log, or XML cannot carry it."""
        method = f"tailProcess{channel}Log"
        try:
            found = self._call(method, name, 0, length)
        except (xmlrpc.client.Fault, UnreadableError):
            return b"", 0
        if not isinstance(found, list) or [type(each) for each in found[:2]] != [str, int]:
            raise self._unreadable(method)
        return found[0].encode(errors="replace"), found[1]

    def _call(self, method: str, *arguments: Any) -> Any:
        try:
            return getattr(self._server.supervisor, method)(*arguments)
        except xmlrpc.client.Fault:
            raise
        except xmlrpc.client.ProtocolError as error:
            raise StrataError(
                f"supervisord refused a request about service '{self.options.name}': HTTP {error.errcode} {error.errmsg}."
                + (" Check the user and password in its address." if error.errcode == 401 else "")
            ) from None
        except (OSError, http.client.HTTPException) as error:
            raise StrataError(
                f"supervisord, asked about service '{self.options.name}', did not answer at its address:"
                f" {error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__}."
            ) from None
        except UNREADABLE:
            raise self._unreadable(method) from None

    def _unreadable(self, method: str) -> UnreadableError:
        return UnreadableError(
            f"supervisord, asked about service '{self.options.name}', answered {method} with something that is not its "
            "XML-RPC. Check that its address is supervisord's own, and not another server's."
        )

    def _refused(self, verb: str, name: str, fault: xmlrpc.client.Fault) -> StrataError:
        return StrataError(f"supervisord could not {verb} service '{name}': {fault.faultString}.")
