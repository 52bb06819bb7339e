# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The choice of loopback ports."""

from __future__ import annotations

import socket

from demo import ports


def test_a_former_port_is_kept_while_it_is_free() -> None:
    chosen = ports.choose(["web1", "web2"], {})
    assert ports.choose(["web1", "web2"], chosen) == chosen


def test_a_port_that_another_listens_on_is_replaced() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        assert not ports.is_free(taken)
        assert ports.choose(["web1"], {"web1": taken})["web1"] != taken


def test_no_port_is_given_twice() -> None:
    chosen = ports.choose(["web1", "web2"], {"web1": 18123, "web2": 18123})
    assert len(set(chosen.values())) == 2
