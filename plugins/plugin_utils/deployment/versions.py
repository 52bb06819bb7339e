# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of releases by their versions, as PEP 440 has it, which takes 2.4.0-rc1 and v2.4 too."""

from __future__ import annotations


def is_at_least(version: str, wanted: str) -> bool | None:
    """Whether ``version`` is ``wanted`` or a later one; None where the two cannot be compared, commits for instance."""
    if version == wanted:
        return True
    from packaging.version import InvalidVersion, Version  # of ansible-core's own requirements

    try:
        return Version(version) >= Version(wanted)
    except InvalidVersion:
        return None
