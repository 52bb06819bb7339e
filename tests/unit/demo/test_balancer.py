# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The balancer's configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo import balancer


def test_the_pool_has_an_id_its_members_by_file_and_a_health_check() -> None:
    config = balancer.caddy_config(8000, 8001, [Path("/pool/web1"), Path("/pool/web2")])
    server = config["apps"]["http"]["servers"]["shop"]
    pool = server["routes"][0]["handle"][0]
    assert (server["listen"], config["admin"]["listen"]) == (["127.0.0.1:8000"], "127.0.0.1:8001")
    assert pool["@id"] == "shop"
    assert [member["dial"] for member in pool["upstreams"]] == ["{file./pool/web1}", "{file./pool/web2}"]
    assert pool["health_checks"]["active"]["uri"] == "/health"


def test_nothing_is_written_to_the_user_s_own_folders() -> None:
    assert balancer.caddy_config(8000, 8001, [])["admin"]["config"]["persist"] is False


@pytest.mark.parametrize(
    ("before", "keep_drained", "after"),
    [
        (None, True, "127.0.0.1:9001"),
        ("unix//nonexistent/127.0.0.1:9001", True, "unix//nonexistent/127.0.0.1:9001"),
        ("unix//nonexistent/127.0.0.1:9001", False, "127.0.0.1:9001"),
        ("unix//nonexistent/127.0.0.1:7777", True, "127.0.0.1:9001"),
        ("127.0.0.1:7777", True, "127.0.0.1:9001"),
    ],
)
def test_a_drained_member_stays_drained_while_its_port_is_the_same(
    tmp_path: Path, before: str | None, keep_drained: bool, after: str
) -> None:
    slot = tmp_path / "pool" / "web1"
    if before:
        slot.parent.mkdir()
        slot.write_text(before)
    balancer.fill_slots({slot: "127.0.0.1:9001"}, keep_drained=keep_drained)
    assert slot.read_text() == after
