# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the archive of the migrations is fetched and verified: as the artifact is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.arguments import SOURCE

FOR_ITS_SERVER = frozenset(
    ("client_cert", "client_key", "fetch", "headers", "password", "source_options", "username")
)
"""What is for the artifact's own server, and not for that of another archive."""
NOT_GIVEN: tuple[Any, ...] = (None, "", {})


def archive_source(
    hosts: Iterable[Mapping[str, Any]], archive: str, signed: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """The option ``source`` of the migration modules.

    Args:
        hosts: variables of hosts. For each option ``artifact_NAME`` the first counts that has it.
        archive: the archive of the migrations. If it is not the artifact, it still needs the signature that an artifact needs.
        signed: results of signing URLs, each with ``item`` and ``url``.
    """
    found = list(hosts)
    urls = {each["item"]: each["url"] for each in signed if "url" in each}
    artifact = _first(found, "artifact_url")
    is_artifact = archive in (artifact, urls.get(artifact or ""))
    source = {
        name: _first(found, f"artifact_{name}")
        for name in sorted(SOURCE)
        if is_artifact or name not in FOR_ITS_SERVER
    }
    given = {name: value for name, value in source.items() if value not in NOT_GIVEN}
    if given.get("fetch") not in (None, "controller"):
        del given["fetch"]
    if "signature" in given:
        where = given["signature"].get("url")
        given["signature"] = {**given["signature"], **({"url": urls[where]} if where in urls else {})}
    return given


def _first(hosts: Iterable[Mapping[str, Any]], name: str) -> Any:
    values = (host.get(name) for host in hosts)
    return next((value for value in values if value not in NOT_GIVEN), None)
