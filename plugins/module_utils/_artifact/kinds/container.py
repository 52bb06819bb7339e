# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kind ``container``: an image that Docker runs, and a container for each release of it.

The release's folder holds how its container is made; the container of a release that was left stays, stopped, so that
a rollback is a start. Only the container that is meant to run has a restart policy: a container that was
created and never started is started by Docker after a reboot, if it has one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds import docker
from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds.container_image import Container
from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds.container_service import (
    ContainerService,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds.container_specification import (
    specification,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds.protocol import (
    MAX_BYTES,
    Artifact,
    Named,
    Wanted,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds.release_container import (
    LABEL,
    SPECIFICATION,
    ReleaseContainer,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services import connect
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.protocol import (
    Service,
    ServiceOptions,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.durable import (
    read_json,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._core.providers import HIDDEN


class ContainerInstaller:
    """See `Installer`."""

    NAME: ClassVar[str] = "container"
    OWN_FOLDER: ClassVar[bool] = True
    OPTIONS: ClassVar[Mapping[str, Any]] = {
        "image": {"type": "str"},
        "max_bytes": MAX_BYTES,
        "name": {"type": "str", "default": ""},
        "ports": {"type": "list", "elements": "str", "default": []},
        "volumes": {"type": "list", "elements": "str", "default": []},
        "environment": {"type": "dict", "default": {}},
        "network": {"type": "str", "default": ""},
        "command": {"type": "list", "elements": "str", "default": []},
        "user": {"type": "str", "default": ""},
        "restart": {"type": "str", "default": "unless-stopped"},
        "labels": {"type": "dict", "default": {}},
        "options": {"type": "list", "elements": "str", "default": []},
        "registry": {
            "type": "dict",
            "options": {
                "username": {"type": "str", "required": True},
                "password": {"type": "str", "required": True, "no_log": True},
            },
        },
    }

    @staticmethod
    def artifact(options: Mapping[str, Any], wanted: Wanted) -> Artifact:
        login = options["registry"]
        return Container(
            options["image"] or "",
            wanted.source,
            wanted.checksum,
            specification(options),
            (login["username"], login["password"]) if login else None,
            options["max_bytes"],
        )

    @staticmethod
    def problems(named: Named) -> list[str]:
        if named.url:
            both = "Both artifact_image and artifact_url are given: leave one of them out."
            return [both] * bool(named.image) + named.source_problems()
        if not named.image:
            return [
                "No image is given: set artifact_image to REGISTRY/NAME@sha256:HEX, or artifact_url to a file of `docker save`."
            ]
        try:
            Container(named.image, given=named.checksum).validate()
        except StrataError as error:
            return [str(error)]
        return []

    @staticmethod
    def shown(given: Mapping[str, Any]) -> Mapping[str, Any]:
        # Its values may be secret, and as short as "1", so that Ansible cannot hide them wherever they are.
        environment = given.get("environment")
        if not environment:
            return given
        names = sorted(environment) if isinstance(environment, Mapping) else HIDDEN
        return {**given, "environment": names}

    def install(self, folder: Path) -> None:
        """Create the container beside the one that runs; one that is there already, as it should be, is taken."""
        container = ReleaseContainer(folder)
        there = docker.inspect("container", container.name)
        if there:
            labels = there["Config"]["Labels"] or {}
            if {
                **container.labels,
                f"{LABEL}.digest": labels.get(f"{LABEL}.digest"),
            }.items() - labels.items():
                raise StrataError(
                    f"There is a container {container.name} already, which is not of this release. Remove it, or give"
                    " the app's containers another name."
                )
            if labels.get(f"{LABEL}.digest") == container.facts["digest"]:
                return
            docker.run("rm", "--force", container.name)
        if not docker.inspect("image", container.facts["image"]):
            container.fetch_again()
        docker.run("create", *container.words(), secrets=container.secrets)

    def service(self, folder: Path, options: ServiceOptions | None) -> Service | None:
        if options and connect(options):
            raise StrataError(
                f"A container is run by Docker, not by {options.manager}: leave the service out, or give it the manager none."
            )
        return ContainerService(ReleaseContainer(folder), options or ServiceOptions())

    def remove(self, folder: Path) -> None:
        # What Docker does not let go of stays, stopped: no release that serves is to fail for one that goes.
        with contextlib.suppress(StrataError):
            self._remove(folder)

    def _remove(self, folder: Path) -> None:
        container = ReleaseContainer(folder)
        there = docker.inspect("container", container.name)
        if there and container.labels.items() <= (there["Config"]["Labels"] or {}).items():
            docker.run("rm", "--force", container.name)
        # Of this app's releases also one that has no container yet. Docker itself keeps the image of a container.
        others = [
            *folder.parent.glob(f"*/{SPECIFICATION}"),
            *folder.parent.parent.glob(f".strata/incoming-*/release/{SPECIFICATION}"),
        ]
        if any(
            read_json(each, {}).get("image") == container.facts["image"]
            for each in others
            if each.parent != folder
        ):
            return
        reference = container.facts["reference"]
        named, image = docker.inspect("image", reference), docker.inspect("image", container.facts["image"])
        if named and named["Id"] == container.facts["image"]:
            docker.run("rmi", reference)
        elif image and not image["RepoTags"] and not image["RepoDigests"]:
            # Its name went to the image of a later release.
            docker.run("rmi", container.facts["image"])
