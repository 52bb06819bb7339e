# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of what a user asks for, before anything is contacted."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds import PROVIDERS
from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds.protocol import Named
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.layout import VERSION
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.options import suggestion

SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~-]{0,127}")
IN_S3 = re.compile(r"s3://[^/?#@]+/[^?#]+")


def version_problem(version: Any) -> str | None:
    """Why ``version`` cannot name a release, or None."""
    if version is None or version == "":
        return (
            "No version is given: artifact_version is not set. "
            "Give a release manifest, for example -e @releases/shop-2.0.yml."
        )
    if not isinstance(version, str):
        return (
            f"artifact_version is the {type(version).__name__} {version}, which YAML may have rounded: "
            f'quote it, artifact_version: "{version}".'
        )
    if not VERSION.fullmatch(version):
        return (
            f"artifact_version '{version}' is not a safe folder name: use letters, digits and . _ + -, "
            "beginning with a letter or a digit, at most 128 of them."
        )
    return None


def artifact_problems(
    kind: str, url: str | None, checksum: str | None, image: str | None, package: str | None
) -> list[str]:
    """What is wrong with an artifact's kind, source and checksum."""
    if kind not in PROVIDERS:
        return [f"artifact_kind '{kind}' is not one of {', '.join(PROVIDERS)}.{suggestion(kind, PROVIDERS)}"]
    if image and "image" not in PROVIDERS[kind].OPTIONS:
        takers = " or ".join(name for name, each in PROVIDERS.items() if "image" in each.OPTIONS)
        return [f"There is an artifact_image, and artifact_kind is {kind}: set it to {takers}."]
    problems = [
        f"The {name} '{given}' is not of the form s3://BUCKET/KEY."
        for name, given in (("artifact_url", url), ("artifact_checksum", checksum))
        if given and given.startswith("s3://") and not IN_S3.fullmatch(given)
    ]
    if url and not re.match("/|[a-z][a-z0-9+.-]*://", url):
        url = f"/{url}"  # a file on the controller, relative
    named = Named(_signed(url or ""), _signed(checksum or ""), image or "", package or "")
    return problems + PROVIDERS[kind].problems(named)


def _signed(url: str) -> str:
    """What is in S3 as the hosts get to see it, http(s); anything else as it is."""
    return f"https://{quote(url[5:])}" if IN_S3.fullmatch(url) else url


def group_problems(wanted: Mapping[str, str], groups: Mapping[str, Sequence[str]]) -> list[str]:
    """Groups that a layer needs and that the inventory lacks or has empty.

    Args:
        wanted: variable that names the group -> the group's name.
        groups: every group of the inventory -> its hosts.
    """
    problems = []
    known = [name for name, hosts in groups.items() if hosts and name not in ("all", "ungrouped")]
    for variable, name in sorted(wanted.items()):
        if name not in groups:
            problems.append(
                f"The inventory has no group '{name}' ({variable}).{suggestion(name, known)} "
                f"Groups with hosts: {', '.join(sorted(known)) or 'none'}."
            )
        elif not groups[name]:
            problems.append(f"The group '{name}' ({variable}) is empty: there is no host to deploy to.")
    return problems


def wanted_groups(layers: Sequence[str], *, fleet: str, lb: str, db: str, balanced: bool) -> dict[str, str]:
    """The groups that the layers need: the variable that names one -> its name.

    Args:
        balanced: whether any fleet host is a balancer's member; without one no balancer is needed.
    """
    groups = {}
    if {"artifact", "fleet"} & set(layers):
        groups["deploy_fleet_group"] = fleet
    if "fleet" in layers and balanced:
        groups["deploy_lb_group"] = lb
    if "database" in layers:
        groups["deploy_db_group"] = db
    return groups


def feature_problems(features: Sequence[Mapping[str, Any]]) -> list[str]:
    """Ramps that cannot be carried out."""
    problems = []
    seen = set()
    for feature in features:
        name, rollout = feature["name"], feature.get("rollout", [100])
        if name in seen:
            problems.append(f"The feature '{name}' is listed twice.")
        seen.add(name)
        if (
            not rollout
            or any(not 0 <= step <= 100 for step in rollout)
            or sorted(set(rollout)) != list(rollout)
        ):
            problems.append(
                f"The rollout {list(rollout)} of the feature '{name}' is not a list of rising percentages, "
                "as in [5, 25, 100]."
            )
    return problems


@dataclass(frozen=True)
class Manifest:
    """What a deployment is asked to do: the values of a release manifest, and what the layers need.

    Args:
        needs_release: whether a version and an artifact must be given; a rollback needs neither.
        wanted_groups: variable that names a group -> the group's name; each must have hosts.
    """

    app: str
    layers: Sequence[str]
    needs_release: bool = True
    version: Any = None
    url: str | None = None
    checksum: str | None = None
    kind: str = "archive"
    image: str | None = None
    package: str | None = None
    features: Sequence[Mapping[str, Any]] = ()
    wanted_groups: Mapping[str, str] = field(default_factory=dict)


def manifest_problems(manifest: Manifest, groups: Mapping[str, Sequence[str]]) -> list[str]:
    """Everything that is wrong with what was asked for, apart from the types and choices of single options."""
    problems = []
    layers = set(manifest.layers)
    if not SAFE_NAME.fullmatch(manifest.app):
        problems.append(
            f"deployment_app '{manifest.app}' is not a name for a folder: set it in the inventory, for example to shop."
        )
    if manifest.needs_release and layers & {"artifact", "database", "fleet"}:
        problem = version_problem(manifest.version)
        problems += (
            [problem]
            if problem
            else artifact_problems(
                manifest.kind, manifest.url, manifest.checksum, manifest.image, manifest.package
            )
        )
    problems += group_problems(manifest.wanted_groups, groups)
    problems += feature_problems(manifest.features)
    if layers == {"feature"} and manifest.needs_release and not manifest.features:
        problems.append(
            "There is nothing to switch: give -e feature=NAME and -e percentage=N, or a manifest with feature_flag_features."
        )
    return problems
