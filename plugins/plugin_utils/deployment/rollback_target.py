# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The release that a fleet goes back to, the same for all of its hosts."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.model import Deployment
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.results import Result


def rollback_target(deployment: Deployment, wanted: str | None) -> str:
    """The version to which the artifact layer is rolled back.

    On a fleet that runs one release it is that release's predecessor. On a mixed one, which a rollback or a deployment
    left half-way, it is the release that is running somewhere, has proved good and is bad nowhere; and it is not the one
    that a dead deployment was switching to.

    Args:
        wanted: the version that the operator asked for; None to find it.

    Raises:
        StrataError: it cannot be told, or a host cannot go back to it.
    """
    readings = {host.name: host.reading for host in deployment.hosts if host.reading.get("current")}
    if not readings:
        raise StrataError("No host of the fleet runs a release that could be rolled back.")
    target = wanted or _found(readings)
    lacking = [host for host, reading in readings.items() if target not in _good(reading)]
    if lacking:
        raise StrataError(
            f"{', '.join(lacking)} cannot go back to {target}: it is not among the good releases there "
            f"({', '.join(_good(readings[lacking[0]])) or 'none'}). Say which with -e artifact_version=VERSION, or deploy it."
        )
    return target


def _found(readings: Mapping[str, Result]) -> str:
    bad = {
        release["version"]
        for reading in readings.values()
        for release in reading.get("releases") or []
        if release["state"] == "bad"
    }
    current = {reading["current"]["version"] for reading in readings.values()}
    if len(current) > 1:
        good = {version for reading in readings.values() for version in _good(reading)}
        sound = (current & good) - bad - _unfinished(readings)
        if len(sound) == 1:
            return str(sound.pop())
        raise StrataError(
            f"The fleet runs {', '.join(sorted(current))}, so which release to go back to cannot be told. "
            "Say which with -e artifact_version=VERSION."
        )
    targets = {reading.get("rollback_target") for reading in readings.values()}
    if targets == {None}:
        raise StrataError(f"There is no earlier good release than {current.pop()} on any host of the fleet.")
    if len(targets) > 1:
        found = ", ".join(sorted(str(target) for target in targets))
        raise StrataError(
            f"The hosts' earlier good releases differ ({found}). Say which with -e artifact_version=VERSION."
        )
    return str(targets.pop())


def _unfinished(readings: Mapping[str, Result]) -> set[str]:
    """The releases to which a dead run was switching a host: it is from them that the operator wants to go back."""
    pending = [reading.get("pending") or {} for reading in readings.values()]
    return {each["version"] for each in pending if each.get("act") == "activate"}


def _good(reading: Result) -> list[str]:
    return [release["version"] for release in reading.get("releases") or [] if release["state"] == "good"]
