# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unpacking an archive that may be hostile into a private, empty folder, as it comes."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack.archive import entries
from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack.entry import Stream
from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack.rules import Rules
from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack.tar import BLOCK
from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack.tree import Tree


def unpack(stream: Stream, folder: Path, rules: Rules, scratch: Path) -> None:
    """Unpack what ``stream`` gives into ``folder``, which is empty and nobody else's. It is read to its end.

    Args:
        scratch: another private folder, which a zip is put into meanwhile.

    Raises:
        StrataError: the archive is damaged, above a limit, or has an entry that is not allowed. The folder is then half-full
            and to be thrown away.
    """
    # Headers and padding come on top of what the files hold.
    limit = rules.max_bytes + (rules.max_entries + 20) * 4 * BLOCK
    tree = Tree(folder, rules)
    with entries(stream, scratch, limit) as found:
        for entry in found:
            tree.add(entry)
    tree.finish()
