# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of what flags were before a rollout changed them, from which they are put back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from ansible_collections.strata.deploy.plugins.module_utils._core import trust
from ansible_collections.strata.deploy.plugins.module_utils._core.durable import read_json, write_text
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._core.exclusive import exclusive
from ansible_collections.strata.deploy.plugins.module_utils._feature.flags.protocol import Definition

RECORD = "flags.json"
GUARD = ".flags.guard"


@dataclass(frozen=True)
class Former:
    """A flag before a rollout first changed it; ``definition`` is None where there was no such flag.

    Args:
        percentages: where the rollout may have left the flag: at the percentage that it set last or, if it died
            while it changed the flag, at the one before it. Empty in the records of earlier versions.
        last: whether the last of them is where the rollout ends.
    """

    provider: str
    rollout: str
    at: str
    definition: Definition | None
    percentages: tuple[float, ...] = ()
    last: bool = True


def read(folder: Path) -> dict[str, Former]:
    """The recorded flags by name; none where there is no record."""
    path = folder / RECORD
    try:
        trust.require(folder, path, also=trust.operator())
        return {
            name: Former(**{**entry, "percentages": tuple(entry.get("percentages", ()))})
            for name, entry in read_json(path, {}).items()
        }
    except (AttributeError, TypeError) as error:
        raise StrataError(
            f"Reading {path}: it is not a record of flags. Look who wrote it, then remove it."
        ) from error
    except OSError as error:
        raise StrataError(f"Reading {path}: {error.strerror}.") from error


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep others from writing the record while it is read and then written; makes the folder."""
    with _told_of_folder(folder):
        trust.require(folder, folder / RECORD, folder / GUARD, also=trust.operator())
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with exclusive(folder / GUARD, create=True):
            yield


def write(folder: Path, record: Mapping[str, Former]) -> None:
    """Replace the record; on disk when this returns. Only within `alone`."""
    with _told_of_folder(folder):
        # Not sorted: a definition is put back with its keys in the order in which its owner wrote them.
        entries = {name: asdict(former) for name, former in record.items()}
        write_text(folder / RECORD, json.dumps(entries, indent=2) + "\n")


@contextmanager
def _told_of_folder(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StrataError(
            f"Writing the record of flags in {folder}: {error.strerror}. Nothing was changed. Fix the folder and run again."
        ) from error
