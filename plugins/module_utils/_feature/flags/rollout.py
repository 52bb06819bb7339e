# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Switch flags, and put them back exactly."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Optional

from ansible_collections.strata.deploy.plugins.module_utils._core.clock import utc_now
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._feature.flags import record as records
from ansible_collections.strata.deploy.plugins.module_utils._feature.flags.protocol import (
    Definition,
    FlagProvider,
    FlagState,
)

Definitions = Mapping[str, Optional[Definition]]


@dataclass(frozen=True)
class FlagResult:
    """The flags in hand, before and after, as the provider defines them and as an operator sees them."""

    changed: bool
    before: Definitions
    after: Definitions
    former: Mapping[str, FlagState]
    flags: Mapping[str, FlagState]


@dataclass(frozen=True)
class Recorded:
    """What a flag would be restored to, and which rollout recorded it when."""

    rollout: str
    at: str
    former: FlagState


@dataclass(frozen=True)
class Flags:
    """Flags and the record of them, as an operator sees them."""

    flags: Mapping[str, FlagState]
    recorded: Mapping[str, Recorded]


def read_flags(
    provider: FlagProvider, *, names: Collection[str] | None = None, record: Path | None = None
) -> Flags:
    """Read flags, all or only ``names``, of which some may be absent, and all that is recorded."""
    found = provider.read()
    return Flags(
        {name: provider.describe(found.get(name)) for name in (found if names is None else names)},
        {
            name: Recorded(former.rollout, former.at, provider.describe(former.definition))
            for name, former in (records.read(record) if record else {}).items()
        },
    )


def ensure_switched(
    provider: FlagProvider,
    name: str,
    percentage: float,
    *,
    record: Path | None = None,
    rollout: str | None = None,
    last: bool = True,
    check_mode: bool = False,
) -> FlagResult:
    """Turn a flag on for ``percentage`` of the users; 0 is off.

    Args:
        record: folder that keeps the former definition, before the first change that ``rollout`` makes. A former
            definition that an unfinished rollout has recorded is kept, see `is_unfinished`.
        last: whether this is the last step of ``rollout``.

    Raises:
        StrataError: the flag cannot be read, switched or written; then it is as it was.
    """
    if not 0 <= percentage <= 100 or round(percentage, 3) != percentage:
        raise StrataError(
            f"Flag '{name}': a percentage lies between 0 and 100, with 3 decimals at most, not {percentage}."
        )

    def plan() -> tuple[Definitions, Definitions, dict[str, records.Former]]:
        before = {name: provider.read().get(name)}
        after = {name: provider.revise(name, before[name], percentage)}
        recorded = records.read(record) if record and rollout and after != before else {}
        return before, after, recorded

    before, after, recorded = plan()
    if after != before:
        provider.ensure_writable([name])
        if not check_mode:
            with records.alone(record) if record and rollout else nullcontext(), provider.alone():
                before, after, recorded = plan()  # once more, now that nobody else writes
                if record and rollout:
                    former = _former(provider, name, before[name], recorded.get(name), rollout)
                    step = replace(former, percentages=(*former.percentages, percentage), last=last)
                    records.write(record, {**recorded, name: step})
                    provider.write(after)
                    # Only now: a kill before this line leaves a flag that may be at either percentage.
                    records.write(record, {**recorded, name: replace(step, percentages=(percentage,))})
                else:
                    provider.write(after)
    return _result(provider, after != before, before, after)


def is_unfinished(provider: FlagProvider, name: str, former: records.Former, flag: Definition | None) -> bool:
    """Whether the rollout that recorded ``former`` ended before its last step, and nobody has changed the flag since.

    If the flag is anywhere but where that rollout left it, somebody else has changed it. Then its present state is
    the one to go back to.
    """
    if former.provider != provider.NAME:
        return False
    left_at = [step for step in former.percentages if provider.revise(name, flag, step) == flag]
    return bool(left_at) and not (former.last and former.percentages[-1] in left_at)


def _former(
    provider: FlagProvider,
    name: str,
    flag: Definition | None,
    recorded: records.Former | None,
    rollout: str,
) -> records.Former:
    """What ``rollout`` goes back to: what it has recorded, or an unfinished one before it; else the flag as it is."""
    if recorded and (recorded.rollout == rollout or is_unfinished(provider, name, recorded, flag)):
        return replace(recorded, rollout=rollout)
    return records.Former(provider.NAME, rollout, utc_now(), flag)


def ensure_restored(
    provider: FlagProvider,
    record: Path,
    *,
    names: Collection[str] | None = None,
    rollout: str | None = None,
    check_mode: bool = False,
) -> FlagResult:
    """Put flags back to what was recorded, and drop them from the record.

    Args:
        names: only these; None is all that are recorded.
        rollout: only what this rollout recorded.
    """

    def plan() -> tuple[Definitions, Definitions, dict[str, records.Former], list[str]]:
        recorded = records.read(record)
        chosen = [
            name
            for name, former in recorded.items()
            if (names is None or name in names) and rollout in (None, former.rollout)
        ]
        for name in chosen:
            if recorded[name].provider != provider.NAME:
                raise StrataError(
                    f"Flag '{name}' was recorded in {record} from provider {recorded[name].provider}; "
                    f"{provider.NAME} cannot restore it. Give provider: {recorded[name].provider}"
                )
        flags = provider.read()
        before: Definitions = {name: flags.get(name) for name in (chosen if names is None else names)}
        after: Definitions = {**before, **{name: recorded[name].definition for name in chosen}}
        return before, after, recorded, chosen

    before, after, recorded, chosen = plan()
    if after != before:
        provider.ensure_writable(chosen)
    if chosen and not check_mode:
        with records.alone(record), provider.alone():
            before, after, recorded, chosen = plan()  # once more, now that nobody else writes
            if after != before:
                provider.write({name: after[name] for name in chosen})
            # Only now: a kill before this line makes the next run restore what is restored, which is no harm.
            records.write(record, {name: former for name, former in recorded.items() if name not in chosen})
    return _result(provider, bool(chosen), before, after)


def _result(provider: FlagProvider, changed: bool, before: Definitions, after: Definitions) -> FlagResult:
    return FlagResult(
        changed,
        before,
        after,
        {name: provider.describe(definition) for name, definition in before.items()},
        {name: provider.describe(definition) for name, definition in after.items()},
    )
