# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds a release of Kinto into a self-contained artifact, in the folder that is named second.

``PYTHONPATH=. python molecule/default/kinto/build.py 26.5.0 .cache/molecule/artifacts``

The packages are wheels for the hosts' Python, whichever Python builds, so that a host needs neither pip nor a
compiler. The same packages give the same bytes; an artifact whose inputs have not changed is left as it is.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from demo.build import pack

HERE = Path(__file__).resolve().parent
RELEASE = HERE / "release"
TARGET_PYTHON = "3.11"
# What Debian 12's glibc (2.36) can load; pip does not infer the older ones from the newest.
GLIBC = (
    *("manylinux_2_36", "manylinux_2_35", "manylinux_2_34", "manylinux_2_31", "manylinux_2_28"),
    *("manylinux_2_27", "manylinux_2_26", "manylinux_2_24", "manylinux_2_17", "manylinux2014"),
)
MACHINES = {"AMD64": "x86_64", "arm64": "aarch64"}
# These say who installed and where to, which differs from one builder to another.
INSTALLATION_RECORDS = {"RECORD", "INSTALLER", "REQUESTED"}


class BuildError(Exception):
    """The artifact cannot be built."""


def build(version: str, output: Path) -> Path:
    """Write the artifact and, beside it, its checksum; at once if they are there already.

    Raises:
        BuildError: the version has no requirements, or its packages cannot be installed.
    """
    requirements = HERE / f"requirements-{version}.txt"
    if not requirements.is_file():
        known = ", ".join(sorted(path.stem.removeprefix("requirements-") for path in HERE.glob("*.txt")))
        raise BuildError(f"There is no {requirements.name}; there is one for {known}.")
    artifact = output / f"kinto-{version}.tar.gz"
    checksum = artifact.with_name(f"{artifact.name}.sha256")
    stamp = artifact.with_name(f"{artifact.name}.inputs")
    machine = MACHINES.get(platform.machine(), platform.machine())
    inputs = _digest_of_inputs(requirements, machine)
    if _is_built(artifact, checksum, stamp, inputs):
        return artifact
    try:
        output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="kinto-build-") as folder:
            packages = Path(folder) / "lib"
            _install(requirements, packages, machine)
            content = pack(files_of(version, packages))
        # Each vouches for the one before, so what is written last is the stamp.
        for path, data in (
            (artifact, content),
            (checksum, f"sha256:{hashlib.sha256(content).hexdigest()}\n".encode()),
            (stamp, f"{inputs}\n".encode()),
        ):
            temporary = path.with_name(f".{path.name}")
            temporary.write_bytes(data)
            temporary.replace(path)
    except OSError as error:
        raise BuildError(f"Building {artifact} failed: {error}") from error
    return artifact


def files_of(version: str, packages: Path) -> dict[str, tuple[bytes, int]]:
    """The release's files: path, content and mode."""
    about = {"name": "kinto", "version": version, "source": "https://pypi.org/project/kinto/", "commit": ""}
    files = {"version.json": (json.dumps(about, indent=2).encode() + b"\n", 0o644)}
    for path in RELEASE.rglob("*"):
        if path.is_file() and path.parent.name != "__pycache__":
            mode = 0o755 if path.parent.name == "bin" else 0o644
            files[path.relative_to(RELEASE).as_posix()] = (path.read_bytes(), mode)
    for path in packages.rglob("*"):
        name = path.relative_to(packages)
        # The scripts in bin/ start the Python that built them.
        if not path.is_file() or name.parts[0] == "bin" or _is_installation_record(name):
            continue
        files[f"lib/{name.as_posix()}"] = (path.read_bytes(), 0o644)
    return files


def _install(requirements: Path, target: Path, machine: str) -> None:
    command = [
        sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input",
        "--target", str(target), "--requirement", str(requirements), "--no-deps", "--no-compile",
        "--only-binary", ":all:", "--implementation", "cp", "--python-version", TARGET_PYTHON,
        *(part for name in GLIBC for part in ("--platform", f"{name}_{machine}")),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(
            f"Installing {requirements.name} for Python {TARGET_PYTHON} on {machine} failed:\n{done.stderr.strip()}"
        )


def _is_installation_record(name: Path) -> bool:
    return name.name in INSTALLATION_RECORDS and name.parent.suffix == ".dist-info"


def _digest_of_inputs(requirements: Path, machine: str) -> str:
    digest = hashlib.sha256(machine.encode())
    for path in sorted({Path(__file__).resolve(), requirements, *RELEASE.rglob("*")}):
        if path.is_file() and path.parent.name != "__pycache__":
            content = path.read_bytes()
            digest.update(f"\0{path.name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _is_built(artifact: Path, checksum: Path, stamp: Path, inputs: str) -> bool:
    try:
        if stamp.read_text(encoding="utf-8").strip() != inputs:
            return False
        digest = hashlib.sha256(artifact.read_bytes()).hexdigest()
        return checksum.read_text(encoding="utf-8").strip() == f"sha256:{digest}"
    except OSError:
        return False


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="build.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("version", help="a version of Kinto that has a requirements-VERSION.txt")
    parser.add_argument("output", type=Path, help="the folder that the artifact goes to")
    options = parser.parse_args(arguments)
    try:
        print(build(options.version, options.output))
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
