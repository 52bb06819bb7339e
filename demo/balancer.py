# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The balancer's configuration: one pool behind one port, and an admin API that Strata talks to.

Each member's address is the content of a file, which Caddy reads at every request: Strata drains a member by its
file, and Caddy never reloads, for a reload closes connections that clients are about to use.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

POOL = "shop"


def caddy_config(listen: int, admin: int, slots: Iterable[Path]) -> dict[str, Any]:
    """Caddy's JSON configuration (https://caddyserver.com/docs/json/) for members whose addresses are in these files."""
    pool = {
        "@id": POOL,
        "handler": "reverse_proxy",
        "upstreams": [{"dial": f"{{file.{slot}}}"} for slot in slots],
        "load_balancing": {
            "selection_policy": {"policy": "round_robin"},
            # A member that does not even answer the dial got no request, so another may have it.
            "try_duration": "5s",
            "try_interval": "10ms",
        },
        "health_checks": {
            "active": {"uri": "/health", "interval": "250ms", "timeout": "1s", "expect_status": 200}
        },
        # A kept connection can be closed by the member just as a request is sent on it.
        "transport": {"protocol": "http", "dial_timeout": "1s", "keep_alive": {"enabled": False}},
    }
    server = {
        "listen": [f"127.0.0.1:{listen}"],
        "automatic_https": {"disable": True},
        "routes": [{"handle": [pool]}],
    }
    return {
        "admin": {"listen": f"127.0.0.1:{admin}", "config": {"persist": False}},
        "apps": {"http": {"servers": {"shop": server}}},
    }


def fill_slots(slots: Mapping[Path, str], *, keep_drained: bool) -> None:
    """Write each member's address to its file.

    Args:
        slots: file -> address, HOST:PORT.
        keep_drained: leave a file alone that has its own address in another form, as a drained member's has.
    """
    for slot, address in slots.items():
        slot.parent.mkdir(mode=0o700, exist_ok=True)
        if not (
            keep_drained
            and slot.exists()
            and slot.read_text(encoding="utf-8").strip().endswith(f"/{address}")
        ):
            slot.write_text(address, encoding="utf-8")
