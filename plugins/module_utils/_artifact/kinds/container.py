# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kind ``container``: an image that Docker runs, and a container for each release of it.

The release's folder holds how its container is made; the container of a release that was left stays, stopped, so that
a rollback is a start. Only the container that is meant to run has a restart policy: a container that was
created and never started is started by Docker after a reboot, if it has one.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Callable, ClassVar

from ansible_collections.strata.deploy.plugins.module_utils._artifact import sources
from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds.protocol import (
    MAX_BYTES,
    Artifact,
    Named,
    Wanted,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services import connect
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.protocol import (
    Service,
    ServiceOptions,
    Status,
)
from ansible_collections.strata.deploy.plugins.module_utils._core import urls
from ansible_collections.strata.deploy.plugins.module_utils._core.durable import (
    read_json,
    write_json,
    write_text,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._core.providers import HIDDEN

SPECIFICATION = "container.json"
ENVIRONMENT = "container.env"
LABEL = "strata.deploy"
PULL_TIMEOUT = 1800.0
TIMEOUT = 60.0
MASKED_FROM = 4
"""The shortest value of the environment that is blotted out of what Docker and the app say."""
PHASES = {"running": "running", "restarting": "failed", "dead": "failed"}
OWN_WORDS = ("--name", "--restart", "--rm", "--env-file")
HUB = "https://index.docker.io/v1/"
REMEDIES = {
    "Cannot connect to the Docker daemon": "Start Docker on the host.",
    "failed to connect to the docker API": "Start Docker on the host.",
    "permission denied while trying to connect": "Docker's socket is root's: use become.",
    "port is already allocated": "Something else on the host has the port: end it, or give the container another.",
    "address already in use": "Something else on the host has the port: end it, or give the container another.",
}


@dataclass(frozen=True)
class Specification:
    """How the container of a release is made.

    Args:
        name: what containers are named by, followed by the version; empty for the name of the app's folder.
        environment: may be secret, so it lies in a file of its own.
        options: further words for ``docker create``.
    """

    name: str = ""
    ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    network: str = ""
    command: tuple[str, ...] = ()
    user: str = ""
    restart: str = "unless-stopped"
    labels: Mapping[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()

    def validate(self) -> None:
        if self.name and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", self.name):
            raise StrataError(f"The container's name {self.name!r} is not one that Docker takes.")
        if not re.fullmatch(r"no|always|unless-stopped|on-failure(:\d+)?", self.restart):
            raise StrataError(
                f"The restart policy {self.restart!r} is none of no, always, unless-stopped and on-failure[:COUNT]."
            )
        for name, value in self.environment.items():
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", name):
                raise StrataError(f"{name!r} is not the name of an environment variable.")
            if re.search(r"[\r\n\0]", value):
                raise StrataError(
                    f"The environment variable {name} has a line break, which Docker cannot take."
                )
        for word in self.options:
            if word.partition("=")[0] in OWN_WORDS:
                raise StrataError(
                    f"{word.partition('=')[0]} is not for the container's options: Strata sets it."
                )

    def digest(self) -> str:
        """Tells one specification from another; the state file, which has it, is its owner's alone, as the environment is."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def specification(options: Mapping[str, Any]) -> Specification:
    """A specification from a module's options."""
    given: dict[str, Any] = {
        each.name: options[each.name] for each in fields(Specification) if each.name in options
    }
    for name, value in given.get("environment", {}).items():
        if value is None or isinstance(value, (bool, dict, list)):
            raise StrataError(f"The environment variable {name} is neither a text nor a number: quote it.")
    for name in ("environment", "labels"):
        given[name] = {str(key): str(value) for key, value in given.get(name, {}).items()}
    for name, value in given.items():
        given[name] = tuple(value) if isinstance(value, list) else value
    return Specification(**given)


@dataclass(frozen=True)
class Container:
    """An image in a registry, or one that ``docker save`` wrote to a file.

    Args:
        image: its reference with a digest, unless ``checksum`` is ``unverified``; empty where there is a ``url``.
        source: where a saved image lies.
        given: the checksum that was asked for with an image.
        login: user and password for the image's registry.
    """

    image: str = ""
    source: sources.Source | None = None
    given: str = ""
    specification: Specification = field(default_factory=Specification)
    login: tuple[str, str] | None = field(default=None, repr=False)
    max_bytes: int = 2 * 1024**3
    kind: str = "container"

    @property
    def checksum(self) -> str:
        return self.source.recorded if self.source else self.given.lower() or self._digest

    @property
    def origin(self) -> str:
        return self.source.shown if self.source else self.image

    @property
    def _digest(self) -> str:
        return self.image.partition("@")[2]

    def validate(self) -> None:
        self.specification.validate()
        if bool(self.image) == bool(self.source):
            raise StrataError("A container needs either an image, or the url of a saved one.")
        if self.source:
            self.source.validate()
            return
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/:-]*(@sha256:[0-9a-f]{64})?", self.image):
            raise StrataError(f"The image {self.image!r} is not of the form REGISTRY/NAME@sha256:HEX.")
        if not self._digest and self.checksum != sources.UNVERIFIED:
            raise StrataError(
                f"The image {self.image!r} has no digest: name it as NAME@sha256:HEX, as `docker push` prints it"
                f" (to go without, write the checksum {sources.UNVERIFIED!r})."
            )
        if self.checksum not in ("", sources.UNVERIFIED, self._digest):
            raise StrataError(f"The checksum {self.checksum} is not the digest of the image {self.image}.")

    def matches(self, digests: Mapping[str, str]) -> bool:
        if digests.get("specification") != self.specification.digest():
            return False
        return self.source.matches(digests) if self.source else digests.get("reference") == self.image

    def look_up(self) -> int | None:
        docker("version", "--format", "{{.Server.Version}}")
        if self.source:
            return sources.look_up(self.source)
        if not _inspect("image", self.image):
            with tempfile.TemporaryDirectory() as scratch:
                config = self._configured(Path(scratch))
                insecure = ["--insecure"] if self._is_insecure() else []
                docker("manifest", "inspect", *insecure, self.image, config=config)
        return None

    def stage(self, folder: Path, scratch: Path) -> Mapping[str, str]:
        if self.source:
            digests = dict(sources.fetch(self.source, scratch / "image", self.max_bytes))
            reference = _loaded(docker("load", "--input", str(scratch / "image"), timeout=PULL_TIMEOUT))
        else:
            digests, reference = {"reference": self.image}, self.image
            docker(
                "pull",
                "--quiet",
                self.image,
                timeout=PULL_TIMEOUT,
                config=self._configured(scratch / "config"),
            )
        image = _inspect("image", reference)
        if image is None:
            raise StrataError(
                f"Docker fetched {self.origin}, and does not have the image {reference}. Try again."
            )
        if self._digest and not any(each.endswith(f"@{self._digest}") for each in image["RepoDigests"]):
            found = ", ".join(image["RepoDigests"]) or "no digest"
            raise StrataError(
                f"The image {self.image} has another digest here: {found}. Find out who changed it."
            )
        specification = {**asdict(self.specification), "reference": reference, "image": image["Id"]}
        environment = specification.pop("environment")
        digests.update(image=image["Id"], specification=self.specification.digest())
        write_json(folder / SPECIFICATION, {**specification, "digest": _identity(digests)})
        lines = "".join(f"{name}={value}\n" for name, value in sorted(environment.items()))
        write_text(folder / ENVIRONMENT, lines)
        return digests

    def _is_insecure(self) -> bool:
        """Whether Docker asks the image's registry without TLS, as its own configuration has it."""
        registry = self.image.partition("/")[0]
        known = json.loads(docker("info", "--format", "{{json .RegistryConfig.IndexConfigs}}")) or {}
        local = re.match(r"(localhost|127\.[\d.]+)(:|$)", registry)
        return bool(local) or known.get(registry, {}).get("Secure") is False

    def _configured(self, folder: Path) -> Path | None:
        """A folder with the login, for Docker to read; None where the host's own configuration is to do."""
        if self.login is None:
            return None
        folder.mkdir(mode=0o700, exist_ok=True)
        registry = self.image.partition("/")[0]
        known = "/" in self.image and (re.search(r"[.:]", registry) or registry == "localhost")
        auth = base64.b64encode(":".join(self.login).encode()).decode()
        write_json(folder / "config.json", {"auths": {registry if known else HUB: {"auth": auth}}})
        return folder


class ContainerInstaller:
    """See `Installer`."""

    NAME: ClassVar[str] = "container"
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
        made = Made(folder)
        there = _inspect("container", made.name)
        if there:
            labels = there["Config"]["Labels"] or {}
            if {**made.labels, f"{LABEL}.digest": labels.get(f"{LABEL}.digest")}.items() - labels.items():
                raise StrataError(
                    f"There is a container {made.name} already, which is not of this release. Remove it, or give"
                    " the app's containers another name."
                )
            if labels.get(f"{LABEL}.digest") == made.facts["digest"]:
                return
            docker("rm", "--force", made.name)
        if not _inspect("image", made.facts["image"]):
            made.fetch_again()
        docker("create", *made.words(), secrets=made.secrets)

    def service(self, folder: Path, options: ServiceOptions | None) -> Service | None:
        if options and connect(options):
            raise StrataError(
                f"A container is run by Docker, not by {options.manager}: leave the service out, or give it the manager none."
            )
        return ContainerService(Made(folder), options or ServiceOptions())

    def remove(self, folder: Path) -> None:
        # What Docker does not let go of stays, stopped: no release that serves is to fail for one that goes.
        with contextlib.suppress(StrataError):
            self._remove(folder)

    def _remove(self, folder: Path) -> None:
        made = Made(folder)
        there = _inspect("container", made.name)
        if there and made.labels.items() <= (there["Config"]["Labels"] or {}).items():
            docker("rm", "--force", made.name)
        # Of this app's releases also one that has no container yet. Docker itself keeps the image of a container.
        others = [
            *folder.parent.glob(f"*/{SPECIFICATION}"),
            *folder.parent.parent.glob(f".strata/incoming-*/release/{SPECIFICATION}"),
        ]
        if any(
            read_json(each, {}).get("image") == made.facts["image"]
            for each in others
            if each.parent != folder
        ):
            return
        reference = made.facts["reference"]
        named, image = _inspect("image", reference), _inspect("image", made.facts["image"])
        if named and named["Id"] == made.facts["image"]:
            docker("rmi", reference)
        elif image and not image["RepoTags"] and not image["RepoDigests"]:
            # Its name went to the image of a later release.
            docker("rmi", made.facts["image"])


class Made:
    """The container of a release, as its folder says it is made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder.parent.parent
        self.facts: dict[str, Any] = read_json(folder / SPECIFICATION, None)
        if self.facts is None:
            raise StrataError(
                f"{folder} has no {SPECIFICATION}: it was not staged as a container. Stage it again."
            )

    @property
    def name(self) -> str:
        # The one character of a version that Docker does not take in a name.
        return f"{self.facts['name'] or self.root.name}-{self.folder.name}".replace("+", "_")

    @property
    def labels(self) -> dict[str, str]:
        return {f"{LABEL}.root": str(self.root), f"{LABEL}.version": self.folder.name}

    @property
    def secrets(self) -> tuple[str, ...]:
        with contextlib.suppress(FileNotFoundError):
            lines = (self.folder / ENVIRONMENT).read_text(encoding="utf-8").splitlines()
            return tuple(
                value for value in (line.partition("=")[2] for line in lines) if len(value) >= MASKED_FROM
            )
        return ()

    def words(self) -> list[str]:
        """What follows ``docker create``."""
        facts = self.facts
        labels = {**facts["labels"], **self.labels, f"{LABEL}.digest": facts["digest"]}
        words = ["--name", self.name, "--pull", "never", "--restart", "no"]
        words += ["--env-file", str(self.folder / ENVIRONMENT)]
        for word, values in (
            ("--label", [f"{name}={value}" for name, value in labels.items()]),
            ("--publish", facts["ports"]),
            ("--volume", facts["volumes"]),
            ("--network", [facts["network"]] if facts["network"] else []),
            ("--user", [facts["user"]] if facts["user"] else []),
        ):
            for value in values:
                words += [word, value]
        return [*words, *facts["options"], facts["image"], *facts["command"]]

    def fetch_again(self) -> None:
        """Have the image back that somebody cleaned away since it was staged."""
        reference = self.facts["reference"]
        if "@" in reference:
            docker("pull", "--quiet", reference, timeout=PULL_TIMEOUT)
        image = _inspect("image", reference)
        if image is None or image["Id"] != self.facts["image"]:
            raise StrataError(
                f"The image {reference} of {self.folder.name} was removed from the host after it was staged."
                f" Delete {self.folder}, and stage it again."
            )


class ContainerService:
    """The container of one release, which takes the place of the app's other ones."""

    NAME = "docker"

    def __init__(self, made: Made, options: ServiceOptions) -> None:
        self.options = replace(options, manager=self.NAME, name=made.name)
        self._made = made
        self._restarted_at = time.time()

    def validate(self) -> None:
        """Nothing to refuse: what it is made of was validated when it was staged."""

    def status(self) -> Status:
        found = _inspect("container", self._made.name)
        if found is None:
            return Status("stopped", "there is no container")
        state = found["State"]
        detail = str(state["Status"])
        if detail in ("exited", "restarting", "dead"):
            detail += f", exit code {state['ExitCode']}" + (", out of memory" if state["OOMKilled"] else "")
            if state.get("Error"):
                detail += f", {_blotted(state['Error'], self._made.secrets)}"
        return Status(
            PHASES.get(state["Status"], "stopped"),
            detail,
            state["Pid"] or None,
            str(state["StartedAt"]),
            # Docker begins at 0 again where it is told to start one.
            found["RestartCount"],
        )

    def restart(self, stopped: Callable[[], None]) -> None:
        running, names = self._names(), self._names("--all")
        seconds = str(max(1, int(self.options.timeout)))
        if names:
            docker("stop", "-t", seconds, *names, timeout=self.options.timeout + TIMEOUT)
        stopped()
        self._restarted_at = time.time()
        try:
            docker("start", self._made.name, secrets=self._made.secrets)
        except StrataError as error:
            raise self._resumed(running, error) from error
        docker("update", "--restart", self._made.facts["restart"], self._made.name)
        # So that after a reboot none comes back that was left, not even one that is to be started `always`.
        left = [name for name in names if name != self._made.name]
        if left:
            docker("update", "--restart", "no", *left)

    def _resumed(self, former: list[str], error: StrataError) -> StrataError:
        """The error once those that ran before do so again, as nothing of the new one has served."""
        others = [name for name in former if name != self._made.name]
        if not others:
            return error
        # Where Docker took too long it may be up after all, and two releases must not be.
        with contextlib.suppress(StrataError):
            docker("stop", "-t", "1", self._made.name)
        try:
            docker("start", *others)
        except StrataError as problem:
            return StrataError(f"{error} What ran before does not start either: {problem}")
        return StrataError(f"{error} What ran before runs again: {', '.join(others)}.")

    def _names(self, *words: str) -> list[str]:
        """The app's containers that run, with ``--all`` all of them."""
        label = f"label={LABEL}.root={self._made.root}"
        return docker("ps", *words, "--filter", label, "--format", "{{.Names}}").split()

    def log_tail(self) -> list[str]:
        since = f"{self._restarted_at:.6f}"
        said = docker("logs", "--tail", "20", "--since", since, self._made.name, both=True)
        return _blotted(said, self._made.secrets).splitlines()[-20:]

    def doubt(self, status: Status | None, probed: bool) -> str:
        del status, probed
        return ""


def docker(
    *words: str,
    timeout: float = TIMEOUT,
    config: Path | None = None,
    secrets: tuple[str, ...] = (),
    both: bool = False,
) -> str:
    """Run the host's ``docker``; what it said, with ``both`` its standard error as well.

    Raises:
        StrataError: it is not there, failed, or took too long.
    """
    tried = f"`docker {words[0]}`"
    environment = {**os.environ, "LC_ALL": "C", **({"DOCKER_CONFIG": str(config)} if config else {})}
    try:
        done = subprocess.run(  # noqa: S603 (a fixed program; its words were validated)
            ["docker", *words],  # noqa: S607
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if both else subprocess.PIPE,
            text=True,
            errors="replace",
            timeout=timeout,
            env=environment,
            check=False,
        )
    except FileNotFoundError:
        raise StrataError(
            f"{tried} failed: there is no docker on this host. Install Docker, or choose another kind."
        ) from None
    except subprocess.TimeoutExpired:
        raise StrataError(
            f"{tried} did not end within {timeout:g} s. See what Docker is busy with."
        ) from None
    if done.returncode != 0:
        said = _blotted(" ".join((done.stderr or done.stdout).split()), secrets)[-500:]
        remedy = next((hint for phrase, hint in REMEDIES.items() if phrase in said), "")
        raise StrataError(f"{tried} failed with {done.returncode}: {said}. {remedy}".rstrip())
    return done.stdout


def _inspect(what: str, name: str) -> dict[str, Any] | None:
    """What Docker has on a container or an image; None where there is none of the name."""
    try:
        found: list[dict[str, Any]] = json.loads(docker(what, "inspect", name))
    except StrataError as error:
        if re.search("no such (container|image)", str(error), re.IGNORECASE):
            return None
        raise
    return found[0]


def _loaded(said: str) -> str:
    """The one image that ``docker load`` says it has loaded."""
    names = re.findall(r"^Loaded image(?: ID)?: (\S+)$", said, re.MULTILINE)
    if len(names) != 1:
        raise StrataError(
            f"The saved file names {len(names)} images ({', '.join(names) or 'none'}), and one is wanted: save one alone,"
            " by one name."
        )
    return str(names[0])


def _identity(digests: Mapping[str, str]) -> str:
    """What tells a container from one of another image, or made in another way."""
    return hashlib.sha256(f"{digests['image']} {digests['specification']}".encode()).hexdigest()


def _blotted(text: str, secrets: tuple[str, ...]) -> str:
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "********")
    return urls.masked(text)
