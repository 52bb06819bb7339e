# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the demo keeps everything: under .demo, readable by nobody else."""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


class DemoError(Exception):
    """Something that the reader can fix; the message says how."""


@dataclass(frozen=True)
class State:
    """The paths of one demo."""

    dir: Path = ROOT / ".demo"

    @property
    def fleet_file(self) -> Path:
        return self.dir / "fleet.json"

    @property
    def flags(self) -> Path:
        return self.dir / "flags" / "flags.json"

    @property
    def artifacts(self) -> Path:
        return self.dir / "artifacts"

    @property
    def hosts(self) -> Path:
        return self.dir / "hosts"

    @property
    def logs(self) -> Path:
        return self.dir / "logs"

    @property
    def pool(self) -> Path:
        return self.dir / "pool"

    @property
    def run(self) -> Path:
        return self.dir / "run"

    @property
    def secrets(self) -> Path:
        return self.dir / "secrets"

    @property
    def database_url_file(self) -> Path:
        return self.secrets / "database_url"

    def prepare(self) -> None:
        """Make the folders, each private.

        Raises:
            DemoError: the state was made by another user.
        """
        self.dir.mkdir(mode=0o700, exist_ok=True)
        owner = self.dir.stat().st_uid
        if owner != os.geteuid():
            raise DemoError(
                f"{self.dir} was made by {user_name(owner)} and this is {user_name(os.geteuid())}: "
                "run the demo as that user, or in another checkout."
            )
        for folder in (self.artifacts, self.hosts, self.logs, self.run, self.secrets, self.flags.parent):
            folder.mkdir(mode=0o700, exist_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other demo commands out of this checkout; the kernel lets go when the process ends.

        Raises:
            DemoError: another command has it in hand.
        """
        self.prepare()
        with open(self.dir / "lock", "a+", encoding="utf-8") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                stream.seek(0)
                holder = stream.read().strip() or "another process"
                raise DemoError(
                    f"Another demo command is in hand here ({holder}): wait or stop it."
                ) from None
            stream.truncate(0)
            stream.write(f"pid {os.getpid()}: {' '.join(sys.orig_argv[1:])}")
            stream.flush()
            yield


def user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def write_text(path: Path, text: str) -> None:
    """Replace a private file in one step, so that no reader sees half of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    temporary.replace(path)


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=2) + "\n")


def read_json(path: Path) -> Any:
    """The value in a JSON file; None where there is no file, or it is not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
