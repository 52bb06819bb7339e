# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of artifacts, one file each: how a release of each is staged, brought in, run and removed."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds.archive import ArchiveInstaller
from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds.container import (
    ContainerInstaller,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds.package import PackageInstaller
from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds.protocol import Installer
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

PROVIDERS: Mapping[str, type[Installer]] = {
    ArchiveInstaller.NAME: ArchiveInstaller,
    ContainerInstaller.NAME: ContainerInstaller,
    PackageInstaller.NAME: PackageInstaller,
}


def installer(kind: str) -> Installer:
    """What brings in releases of this kind; a kind that a newer Strata has recorded is an error."""
    if kind not in PROVIDERS:
        raise StrataError(
            f"This release of Strata knows no artifacts of the kind '{kind}'; known: {', '.join(PROVIDERS)}."
        )
    return PROVIDERS[kind]()
