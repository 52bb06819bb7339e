# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which process holds something, and whether that process still runs."""

from __future__ import annotations

import os
import re
from pathlib import Path

PROC = Path("/proc")
MACHINE_ID = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
"""Where Linux keeps the id of a machine; see machine-id(5)."""
INITIAL_PID_NAMESPACE = "pid:[4026531836]"
"""The namespace outside of all containers. Every Linux kernel gives it this number (PROC_PID_INIT_INO)."""


def boot_id() -> str:
    """This boot of this machine; empty where the kernel does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def machine_id() -> str:
    """The id of this machine, 32 hexadecimal digits; empty where it has none, as many containers."""
    for path in MACHINE_ID:
        try:
            found = path.read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            continue
        if re.fullmatch("[0-9a-f]{32}", found) and found.strip("0"):
            return found
    return ""


def pid_namespace() -> str:
    """The namespace in which this process's numbers count; empty where the kernel does not tell."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def started(pid: int) -> int:
    """When a process began, in clock ticks since boot (field 22 of /proc/PID/stat); 0 if that cannot be told."""
    try:
        return int(_stat(pid)[19])
    except OSError:
        return 0


def is_running(pid: int, since: int) -> bool:
    """Whether a process of this machine, boot and namespace is alive; in doubt, it is.

    Args:
        since: its `started`, by which a reused number is told from the process; 0 = not known.
    """
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    try:
        fields = _stat(pid)
    except OSError:
        return True  # /proc may hide the processes of others
    return fields[0] not in ("Z", "X") and since in (0, int(fields[19]))


def in_control_group(group: str) -> dict[int, int]:
    """The processes of a control group and of those below it, with when each `started`; none for the root group.

    Args:
        group: its path as the kernel has it in /proc/PID/cgroup, with any version of control groups.
    """
    found = {}
    for path in PROC.glob("[0-9]*/cgroup") if group.strip("/") else ():
        try:
            lines = path.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
        except OSError:
            continue  # it has ended
        if any(f"{line.split(':', 2)[-1]}/".startswith(f"{group}/") for line in lines):
            found[int(path.parent.name)] = started(int(path.parent.name))
    return found


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third, the state, on: the second may hold spaces and brackets."""
    text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    return text.rpartition(")")[2].split()
