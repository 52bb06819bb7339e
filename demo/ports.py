# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loopback ports that stay ours."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterable, Mapping

# Below the range that kernels hand out to outgoing connections: a server that is down for a
# restart must not find its port taken by a client's connection.
RANGE = range(18000, 32000)


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def choose(names: Iterable[str], former: Mapping[str, int]) -> dict[str, int]:
    """A free port for each name: the former one where it is still free."""
    chosen: dict[str, int] = {}
    candidates = iter(random.sample(RANGE, len(RANGE)))
    for name in names:
        port = former.get(name)
        while port is None or port in chosen.values() or not is_free(port):
            port = next(candidates)
        chosen[name] = port
    return chosen
