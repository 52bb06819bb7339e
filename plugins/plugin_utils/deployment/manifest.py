# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of what a user asks for, before anything is contacted."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import quote

from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds import PROVIDERS
from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds.protocol import Named
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.layout import VERSION
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.batches import batch_size_problem

NEARLY_THE_SAME = 0.9
POLICIES = ("halt", "rollback_fleet")
SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~-]{0,127}")
IN_S3 = re.compile(r"s3://[^/?#@]+/[^?#]+")


def suggestion(name: str, known: Iterable[str]) -> str:
    """Ask whether the nearest known name was meant; empty where none is near."""
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return f" Did you mean '{near[0]}'?" if near else ""


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
        return [f"artifact_kind '{kind}' is none of {', '.join(PROVIDERS)}.{suggestion(kind, PROVIDERS)}"]
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


def within_limit(hosts: str, limit: str, groups: Mapping[str, Sequence[str]]) -> str:
    """The play's hosts, once it is sure that ``--limit`` leaves the controller in.

    Without its plays on localhost a deployment would have no lock, no gate and no exit code.

    Raises:
        StrataError: the limit leaves localhost out.
    """
    named = [part for part in re.split(r"[,:;]", limit) if part]
    if not named or any(
        fnmatchcase("localhost", part) or "localhost" in groups.get(part, ()) for part in named
    ):
        return hosts
    raise StrataError(
        f"--limit {limit} leaves localhost out, where a deployment takes its lock and reports. "
        f"Name it too: --limit {limit},localhost. Nothing was touched."
    )


def meant_as_options(names: Iterable[str], roles: Sequence[str], known: Sequence[str]) -> list[str]:
    """Of all variables' names those that begin like a role's option, or are one but for a slip of the pen."""
    prefixes = tuple(f"{role}_" for role in roles)
    return sorted(
        name
        for name in names
        if name.startswith(prefixes) or difflib.get_close_matches(name, known, n=1, cutoff=NEARLY_THE_SAME)
    )


def unknown_option_problems(names: Iterable[str], known: Iterable[str]) -> list[str]:
    """Variables that were meant as options and are none: misspelt, or of another version."""
    options = set(known)
    return [
        f"Unknown option '{name}'.{suggestion(name, options)}"
        for name in sorted(names)
        if name not in options
    ]


def feature_problems(features: Sequence[Mapping[str, Any]]) -> list[str]:
    """Ramps that cannot be carried out."""
    problems = []
    seen = set()
    for feature in features:
        name, rollout = feature["name"], feature["rollout"]
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


def check_manifest(
    *,
    app: str | None,
    layers: Sequence[str],
    needs_release: bool,
    version: Any,
    url: str | None,
    checksum: str | None,
    kind: str,
    image: str | None,
    package: str | None,
    features: Sequence[Mapping[str, Any]],
    wanted_groups: Mapping[str, str],
    groups: Mapping[str, Sequence[str]],
    names: Iterable[str],
    known: Iterable[str],
    batches: Any,
    policy: str,
) -> None:
    """Raise one StrataError that lists everything that is wrong with what was asked for."""
    problems = unknown_option_problems(names, known)
    if not SAFE_NAME.fullmatch(app or ""):
        problems.append(
            f"deployment_app '{app or ''}' is not a name for a folder: set it in the inventory, for example to shop."
        )
    if needs_release and {"artifact", "database", "fleet"} & set(layers):
        problem = version_problem(version)
        problems += [problem] if problem else artifact_problems(kind, url, checksum, image, package)
    problems += group_problems(wanted_groups, groups)
    problems += feature_problems(features)
    if list(layers) == ["feature"] and needs_release and not features:
        problems.append(
            "There is nothing to switch: give -e feature=NAME and -e percentage=N, or a manifest with feature_flag_features."
        )
    problems += filter(None, [batch_size_problem(batches)])
    if policy not in POLICIES:
        problems.append(
            f"fleet_rolling_policy '{policy}' is none of {', '.join(POLICIES)}.{suggestion(policy, POLICIES)}"
        )
    if problems:
        raise StrataError(
            "The deployment cannot begin, and nothing was touched:\n"
            + "\n".join(f"- {line}" for line in problems),
            problems=problems,
        )
