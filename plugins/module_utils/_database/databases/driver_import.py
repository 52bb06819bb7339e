# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Python packages that speak to a database server: they are imported where one is used, and may be missing."""

from __future__ import annotations

import importlib
import os
import sys
from contextlib import suppress
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


def imported(system: str, *names: str, package: str, pip: str) -> Any:
    """The first of the Python packages ``names`` that is there.

    Args:
        system: the database's, for the message.
        package: what Debian, Fedora and SUSE, and all that is made from them, call one for their own Python.
        pip: what to install for any other Python.

    Raises:
        StrataError: none is; where the distribution's would do, the detail ``driver`` names it.
    """
    for name in names:
        with suppress(ImportError):
            return importlib.import_module(name)
    missing = (
        f"A {system} database needs the Python package {' or '.join(names)}, and the Python that Ansible uses on this "
        f"host does not have it ({sys.executable})."
    )
    if _is_of_the_system():
        raise StrataError(
            f"{missing} Install {package} there. Planning a migration with the role does so, unless "
            "db_migrate_install_driver is false.",
            driver=package,
        )
    raise StrataError(
        f"{missing} A package of the system would not serve it: install '{pip}' with its own pip."
    )


def _is_of_the_system() -> bool:
    """Whether Python packages of the distribution are for the Python that runs this."""
    return sys.prefix == "/usr" and os.path.realpath(sys.executable) == os.path.realpath("/usr/bin/python3")
