# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds releases that bring their own migration tool, in the folder that is named.

``PYTHONPATH=.:molecule/hosts python molecule/db_migrate/build.py .cache/molecule/artifacts``

The tool of ``orders`` is its team's own. The others are a shop's that uses the tool they are named after, in two
versions: 2.0 has the whole history, and 1.0 what was there before.
"""

from __future__ import annotations

import functools
import itertools
import sys
from fnmatch import fnmatch
from pathlib import Path

from wheels import BuildError, Files, files_of, packages, write

HERE = Path(__file__).resolve().parent
TOOL = HERE / "orders" / "bin" / "migrate"
PROJECTS = HERE / "projects"
PYTHON = PROJECTS / "bin" / "python"
# What 2.0 brings, by the names of its files.
NEW = {
    "alembic": ("1d95c7a2b864_*", "c6e83b0f4d17_*", "92a7f4e1c350_*", "e57b2d08a946_*", "70d1f9b6e48c_*"),
    "dbmate": ("202602*", "202604*"),
    "django": ("000[345]_*", "0002_invoice_*"),
}


def project(name: str, version: str) -> Files:
    """The project's own files."""
    new = NEW[name] if version == "1.0" else ()
    return {
        path: file
        for path, file in files_of(PROJECTS / name).items()
        if not any(fnmatch(Path(path).name, pattern) for pattern in new)
    }


@functools.cache
def installed(name: str) -> Files:
    """The packages that the project requires, without their translations."""
    files = packages(PROJECTS / name / "requirements.txt")
    return {
        path: file
        for path, file in files.items()
        if not path.endswith((".mo", ".po")) or "/locale/en/" in path
    }


def release(name: str, version: str) -> Files:
    """The project's files with its tool: ``bin/dbmate``, or ``bin/python`` and the packages in ``vendor``."""
    if name == "dbmate":
        return {**project(name, version), "bin/dbmate": installed(name)["bin/dbmate"]}
    # The scripts of the packages start the Python that built them.
    vendor = {f"vendor/{path}": file for path, file in installed(name).items() if not path.startswith("bin/")}
    return {**project(name, version), **vendor, "bin/python": (PYTHON.read_bytes(), 0o755)}


def main(folder: Path) -> int:
    this = Path(__file__).resolve()
    try:
        write(folder / "orders-1.0.tar.gz", [this, TOOL], lambda: {"bin/migrate": (TOOL.read_bytes(), 0o755)})
        for name, version in itertools.product(NEW, ("1.0", "2.0")):
            inputs = [this, PYTHON, *(PROJECTS / name / path for path in project(name, version))]
            write(folder / f"{name}-{version}.tar.gz", inputs, functools.partial(release, name, version))
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
