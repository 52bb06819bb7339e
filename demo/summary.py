# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of the demo shows at its end, and leaves in .demo/summary.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# The plays of deploy.yml that are a layer.
LAYERS = {"Database": "database", "Stage": "artifact", "Fleet": "fleet", "Features": "feature"}


def seconds_per_layer(executions: Any) -> dict[str, float]:
    """Seconds of each layer, from what the callback ``strata.deploy.executions`` wrote; {} if it did not."""
    plays = executions.get("plays", []) if isinstance(executions, dict) else []
    seconds: dict[str, float] = {}
    for play in plays:
        layer = LAYERS.get(play["name"])
        if layer:
            seconds[layer] = round(seconds.get(layer, 0.0) + play["seconds"], 1)
    return seconds


def summarise(
    load: Mapping[str, Any], releases: Mapping[str, str], seconds: Mapping[str, float]
) -> dict[str, Any]:
    counts = {name: load[name] for name in ("requests", "failed", "writes", "writes_lost")}
    return {**counts, "releases": dict(releases), "seconds": dict(seconds)}


def render(summary: Mapping[str, Any]) -> str:
    """The summary as a table of two columns."""
    rows = [(host, release) for host, release in summary["releases"].items()]
    rows += [
        ("requests sent", summary["requests"]),
        ("requests failed", summary["failed"]),
        ("writes acknowledged", summary["writes"]),
        ("writes lost", summary["writes_lost"]),
    ]
    rows += [(f"seconds, {layer}", seconds) for layer, seconds in summary["seconds"].items()]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"  {name:<{width}}  {value}" for name, value in rows)


def problems(summary: Mapping[str, Any], version: str) -> list[str]:
    """Why this run is not a success; empty if it is one."""
    found = [
        f"{host} runs {release}, not {version}"
        for host, release in summary["releases"].items()
        if release != version
    ]
    if not summary["requests"]:
        found.append("the load sent no request")
    if summary["failed"]:
        found.append(f"{summary['failed']} requests failed")
    if summary["writes_lost"]:
        found.append(f"{summary['writes_lost']} acknowledged writes are not in the database")
    return found
