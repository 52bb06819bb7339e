# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work on migrations that is tried again while the database refuses it a lock."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from typing import Callable

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import LockedError
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.model import Named


def attempted(
    work: Callable[[Sequence[Named]], Iterator[str]],
    items: Sequence[Named],
    *,
    retries: int,
    lock_timeout: float,
    check_lock: Callable[[], None],
) -> tuple[list[str], StrataError | None]:
    """Do ``work`` on the items, again while its locks are refused.

    Args:
        work: does the items that it is given in their order, and yields the name of each that is done.
        retries: how often one item is tried again.
        lock_timeout: seconds that one try waits for a lock.
        check_lock: raises StrataError where the migrators' lock is lost.

    Returns:
        The names of those done, and the error that ended the work.
    """
    done: list[str] = []
    attempt = 0
    refusal = ""
    while True:
        before = len(done)
        try:
            for name in work([each for each in items if each.name not in done]):
                done.append(name)
                check_lock()
            check_lock()
            return done, None
        except LockedError as error:
            attempt = 1 if len(done) > before else attempt + 1
            if attempt > retries:
                return done, StrataError(
                    f"{str(error).rstrip('.')}. Tried {attempt} times with a lock timeout of {lock_timeout:g} s, or its own: a longer "
                    "transaction holds what the migration needs. Try again when it has ended.",
                    **error.details,
                )
            refusal = str(error)
            # Long enough for the application's queries to run off, and not in step with what else comes again and again.
            time.sleep(lock_timeout * random.uniform(1, 2))  # noqa: S311 (no secret)
        except StrataError as error:
            if attempt and len(done) == before:
                # What went wrong first may be why this went wrong.
                text = f"{error} It was tried again after: {refusal}"
                return done, StrataError(text, **error.details)
            return done, error
