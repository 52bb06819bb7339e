# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The migration module with a release's own tool."""

from __future__ import annotations

from typing import Any, Callable

import pytest
from ansible.module_utils.basic import AnsibleModule

Run = Callable[..., dict[str, Any]]


def test_a_release_s_own_tool_migrates(run_module: Run, migrating_shop: Any) -> None:
    options = {"engine": "command", **migrating_shop.options()}
    plan = run_module("migration", options, check=True)
    first = run_module("migration", options)
    assert plan["pending"] == first["applied"] == ["0001_orders", "0002_currency"]
    assert plan["diff"] == first["diff"]
    assert (first["engine"], first["version"], first["pending"]) == ("command", None, [])
    assert run_module("migration", options)["changed"] is False
    wanted = {**options, "state": "rolled_back", "version": "0001_orders", "allow_data_loss": True}
    back = run_module("migration", wanted)
    assert back["rolled_back"] == ["0002_currency"]


def test_the_environment_of_commands_is_secret_and_what_is_short_blots_out_no_names(
    run_module: Run, migrating_shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[str] = []
    monkeypatch.setattr(AnsibleModule, "log", lambda _self, text, **more: logged.append(f"{text} {more}"))
    options = {"engine": "command", **migrating_shop.options("breaks")}
    options["environment"].update(DEBUG="1", PIN="0_0", TABLE="orders", URL="amqp://me:p@x/")
    result = run_module("migration", options)
    assert result["done"] == ["0001_orders"]
    assert "cannot alter ******** as ********" in result["msg"]
    assert set(result["invocation"]["module_args"]["environment"].values()) == {"********"}
    assert any("Invoked with" in line for line in logged)
    for secret in ("hunter2", "0_0", "me:p@x"):
        assert secret not in f"{result}{logged}"
