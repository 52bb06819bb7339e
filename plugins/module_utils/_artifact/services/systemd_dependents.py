# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The units that systemd stops together with a unit, and those that start it.

The dependencies: https://www.freedesktop.org/software/systemd/man/systemd.unit.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Callable

Facts = Mapping[str, str]
"""The properties of a unit by name, as `systemctl show` prints them."""

STOPPED_WITH = ("BoundBy", "ConsistsOf", "PropagatesStopTo", "RequiredBy", "RequisiteOf")
"""The properties that name the units which a stop of this one stops too."""
STARTED_BY = ("TriggeredBy", "UpheldBy")
"""The properties that name the units which start this one."""
PROPERTIES = ("Id", "LoadState", "ActiveState", "CanStart", *STOPPED_WITH)
"""What has to be known of each unit that depends on another."""
GONE = ("inactive", "failed")


def units(shown: str) -> list[Facts]:
    """The units in what `systemctl show` printed, one block each."""
    blocks = (
        dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        for block in shown.split("\n\n")
    )
    return [block for block in blocks if block]


def named(facts: Facts, properties: Iterable[str]) -> list[str]:
    """The units that these properties of a unit name."""
    return list(dict.fromkeys(name for each in properties for name in facts.get(each, "").split()))


def is_up(facts: Facts) -> bool:
    return facts.get("ActiveState", "inactive") not in GONE


def can_start(facts: Facts) -> bool:
    """Whether systemd has the unit and starts it when asked to."""
    return facts.get("LoadState") == "loaded" and facts.get("CanStart") != "no"


def stopped_with(facts: Facts, show: Callable[[list[str]], list[Facts]]) -> list[str]:
    """The units that are up now and that a stop of this unit stops too, directly or by way of others.

    Args:
        show: returns the `PROPERTIES` of units.
    """
    seen = {facts.get("Id", "")}
    up: list[str] = []
    further = named(facts, STOPPED_WITH)
    while further:
        found = show(further)
        seen.update(further)
        seen.update(each.get("Id", "") for each in found)
        up += [each["Id"] for each in found if is_up(each)]
        further = [
            name
            for name in dict.fromkeys(name for each in found for name in named(each, STOPPED_WITH))
            if name not in seen
        ]
    return list(dict.fromkeys(up))


def started_by(facts: Facts, show: Callable[[list[str]], list[Facts]]) -> list[Facts]:
    """The units that start this one when somebody calls it or a file appears; not timers, which do so rarely."""
    names = [name for name in named(facts, STARTED_BY) if not name.endswith(".timer")]
    return show(names) if names else []
