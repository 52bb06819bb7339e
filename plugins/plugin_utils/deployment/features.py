# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Features: the steps of a rollout that are still ahead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._core.clock import utc_now


def flag_summary(flag: Mapping[str, Any]) -> str:
    """A flag's state in a word: ``on``, ``off``, ``absent`` or a percentage."""
    return f"{flag['percentage']:g}%" if flag["state"] == "partial" else str(flag["state"])


def reached(flag: Mapping[str, Any] | None) -> float:
    """The percentage of users that have a feature now; below 0 for a flag that is not there or follows rules of its own."""
    state = (flag or {}).get("state", "absent")
    if state == "partial":
        return float((flag or {})["percentage"])
    return {"on": 100.0, "off": 0.0}.get(state, -1.0)


def steps_of(feature: Mapping[str, Any], flag: Mapping[str, Any] | None) -> list[int]:
    """The steps of a feature's rollout that are still ahead; none once its last one is reached."""
    rollout = [int(step) for step in feature.get("rollout") or [100]]
    now = reached(flag)
    if now == rollout[-1]:
        return []
    return [step for step in rollout if step > now] or rollout[-1:]


def steps_of_all(flags: Mapping[str, Any], features: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Every step of every feature that is still ahead, in order: ``{name, percentage, bake, analyse, last}``.

    A step down takes a feature from users: it is not analysed, and so never taken back.
    """
    found = []
    for feature in features:
        flag = flags.get(feature["name"])
        steps = steps_of(feature, flag)
        found += [
            {
                "name": feature["name"],
                "percentage": step,
                "bake": feature.get("bake", 0),
                "analyse": step > reached(flag),
                "last": number == len(steps),
            }
            for number, step in enumerate(steps, 1)
        ]
    return found


def feature_steps(
    flags: Mapping[str, Any], features: Sequence[Mapping[str, Any]], rollout: str = ""
) -> list[dict[str, Any]]:
    """The steps that are still ahead, each with ``rollout``, the id under which the former states are recorded.

    Without one, this is a rollout by itself.
    """
    rollout = rollout or f"rollout-{utc_now()}"
    return [{**step, "rollout": rollout} for step in steps_of_all(flags, features)]
