# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds a release of Kinto into a self-contained artifact, in the folder that is named second.

``PYTHONPATH=.:molecule/hosts python molecule/default/kinto/build.py 26.5.0 .cache/molecule/artifacts``
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from wheels import BuildError, Files, files_of, packages, write

HERE = Path(__file__).resolve().parent
RELEASE = HERE / "release"


def build(version: str, output: Path) -> Path:
    """Write the artifact and, beside it, its checksum; at once if they are there already.

    Raises:
        BuildError: the version has no requirements, or its packages cannot be installed.
    """
    requirements = HERE / f"requirements-{version}.txt"
    if not requirements.is_file():
        known = ", ".join(sorted(path.stem.removeprefix("requirements-") for path in HERE.glob("*.txt")))
        raise BuildError(f"There is no {requirements.name}; there is one for {known}.")
    inputs = [Path(__file__).resolve(), requirements, *(RELEASE / name for name in files_of(RELEASE))]
    return write(output / f"kinto-{version}.tar.gz", inputs, lambda: release(version, requirements))


def release(version: str, requirements: Path) -> Files:
    """The release's files: path, content and mode."""
    about = {"name": "kinto", "version": version, "source": "https://pypi.org/project/kinto/", "commit": ""}
    # The scripts of the packages start the Python that built them.
    lib = {
        f"lib/{name}": file for name, file in packages(requirements).items() if not name.startswith("bin/")
    }
    return {"version.json": (json.dumps(about, indent=2).encode() + b"\n", 0o644), **files_of(RELEASE), **lib}


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
