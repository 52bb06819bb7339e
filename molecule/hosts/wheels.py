# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases that bring the Python packages they need, so that a host needs neither pip nor a compiler.

The packages are wheels for the hosts' Python, whichever Python builds. The same packages give the same bytes; an
artifact whose inputs have not changed is left as it is.
"""

from __future__ import annotations

import hashlib
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from demo.build import pack

Files = dict[str, tuple[bytes, int]]

TARGET_PYTHON = "3.11"
MACHINE = {"AMD64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())
# What Debian 12's glibc (2.36) can load; pip does not infer the older ones from the newest.
GLIBC = (
    *("manylinux_2_36", "manylinux_2_35", "manylinux_2_34", "manylinux_2_31", "manylinux_2_28"),
    *("manylinux_2_27", "manylinux_2_26", "manylinux_2_24", "manylinux_2_17", "manylinux2014"),
)
# These say who installed and where to, which differs from one builder to another.
INSTALLATION_RECORDS = {"RECORD", "INSTALLER", "REQUESTED"}


class BuildError(Exception):
    """The artifact cannot be built."""


def files_of(folder: Path) -> Files:
    """The files under a folder: path, content and mode; what lies in a folder bin can be executed."""
    files: Files = {}
    for path in folder.rglob("*"):
        if path.is_file() and path.parent.name != "__pycache__":
            mode = 0o755 if path.parent.name == "bin" else 0o644
            files[path.relative_to(folder).as_posix()] = (path.read_bytes(), mode)
    return files


def packages(requirements: Path) -> Files:
    """The files of the packages that are required, by their paths where they are installed.

    Raises:
        BuildError: they cannot be installed.
    """
    with tempfile.TemporaryDirectory(prefix="strata-wheels-") as folder:
        command = [
            sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input",
            "--target", folder, "--requirement", str(requirements), "--no-deps", "--no-compile",
            "--only-binary", ":all:", "--implementation", "cp", "--python-version", TARGET_PYTHON,
            *(part for name in GLIBC for part in ("--platform", f"{name}_{MACHINE}")),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BuildError(
                f"Installing {requirements} for Python {TARGET_PYTHON} on {MACHINE} failed:\n{done.stderr.strip()}"
            )
        return {
            name: file
            for name, file in files_of(Path(folder)).items()
            if not _is_installation_record(Path(name))
        }


def write(artifact: Path, inputs: Iterable[Path], content: Callable[[], Files]) -> Path:
    """Write the artifact and, beside it, its checksum; at once if they are there already, of the same inputs.

    Raises:
        BuildError: a file of it cannot be read or written.
    """
    checksum = artifact.with_name(f"{artifact.name}.sha256")
    stamp = artifact.with_name(f"{artifact.name}.inputs")
    try:
        digest = _digest({Path(__file__).resolve(), *inputs})
        if not _is_built(artifact, checksum, stamp, digest):
            artifact.parent.mkdir(parents=True, exist_ok=True)
            packed = pack(content())
            # Each vouches for the one before, so what is written last is the stamp.
            for path, data in (
                (artifact, packed),
                (checksum, f"sha256:{hashlib.sha256(packed).hexdigest()}\n".encode()),
                (stamp, f"{digest}\n".encode()),
            ):
                temporary = path.with_name(f".{path.name}")
                temporary.write_bytes(data)
                temporary.replace(path)
    except OSError as error:
        raise BuildError(f"Building {artifact} failed: {error}") from error
    return artifact


def _is_installation_record(name: Path) -> bool:
    return name.name in INSTALLATION_RECORDS and name.parent.suffix == ".dist-info"


def _digest(inputs: Iterable[Path]) -> str:
    digest = hashlib.sha256(MACHINE.encode())
    for path in sorted(inputs):
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
