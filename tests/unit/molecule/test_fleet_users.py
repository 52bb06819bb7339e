# SPDX-License-Identifier: GPL-3.0-or-later
"""The users of the app of the scenarios fleet_rolling and artifact."""

from __future__ import annotations

import io
from pathlib import Path

from bench import load

SCRIPT = Path(__file__).resolve().parents[3] / "molecule" / "fleet_rolling" / "users.py"


def test_each_balancer_has_quick_and_slow_users_who_never_catch_up(free_port: int) -> None:
    stream = io.StringIO()
    urls = [f"http://127.0.0.1:{free_port}", f"http://localhost:{free_port}"]
    users = load.script_of(SCRIPT).users(load.Options(urls, 4, 40.0, load.Log(stream), "run"))
    assert [user.interval for user in users] == [0.1, 0.1, 2.1, 2.1, 2.1] * 2
    assert all(user.skips for user in users)
    for user in users:
        user.act(0, load.time.monotonic())
    entries = [load.json.loads(line) for line in stream.getvalue().splitlines()]
    asked = [(entry["balancer"], entry["path"]) for entry in entries]
    assert asked == [(url, path) for url in urls for path in ("/", "/", "/slow", "/slow", "/slow")]
