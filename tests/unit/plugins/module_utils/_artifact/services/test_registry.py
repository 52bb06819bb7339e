# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.services import (
    PROVIDERS,
    connect,
    service_options,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.protocol import SHARED
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

UNIX = "unix:///run/supervisor.sock"
RESTART = {"restart": ["sv", "restart", "shop"]}


def test_the_registry_is_alphabetical() -> None:
    assert list(PROVIDERS) == sorted(PROVIDERS)
    assert all(name == manager.NAME for name, manager in PROVIDERS.items())


def test_every_manager_has_the_shared_options() -> None:
    assert [name for name, manager in PROVIDERS.items() if not SHARED.keys() <= manager.OPTIONS.keys()] == []


@pytest.mark.parametrize(
    "given", [None, {"manager": "none"}, {"manager": "none", "name": "shop", "timeout": 5}]
)
def test_without_a_manager_there_is_no_service(given: Any) -> None:
    assert connect(service_options(given)) is None


@pytest.mark.parametrize(
    ("given", "class_name"),
    [
        ({"manager": "supervisord", "name": "shop", "address": UNIX}, "Supervisord"),
        (
            {"manager": "supervisord", "name": "group:shop_01", "address": "http://u:pw@127.0.0.1:9001"},
            "Supervisord",
        ),
        ({"manager": "supervisord", "name": "group:*", "address": UNIX, "mode": "restart"}, "Supervisord"),
        ({"manager": "systemd", "name": "shop@1.service"}, "Unit"),
        ({"manager": "systemd", "name": "shop", "mode": "reload"}, "Reloaded"),
        ({"manager": "systemd", "name": "shop@.service", "mode": "instances"}, "Instances"),
        ({"manager": "systemd", "name": "shop@", "mode": "instances"}, "Instances"),
        ({"manager": "command", "name": "shop", "commands": RESTART}, "Command"),
    ],
)
def test_a_manager_makes_the_service_that_is_named(given: Any, class_name: str) -> None:
    service = connect(service_options(given))
    assert service
    assert type(service).__name__ == class_name


def test_what_is_not_given_has_its_default() -> None:
    options = service_options({"manager": "systemd", "name": "shop", "timeout": "5"})
    assert options
    assert (options.manager, options.name, options.timeout, options.min_uptime) == (
        "systemd",
        "shop",
        5.0,
        3.0,
    )
    assert options.own["mode"] == "restart"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (
            {"manager": "runit", "name": "shop"},
            "There is no service manager 'runit' .known: command, none, supervisord, systemd.",
        ),
        ({"name": "shop"}, "not named. Set 'manager'"),
        ({"manager": "systemd"}, "missing required arguments: name"),
        ({"manager": "systemd", "name": "--force"}, "not the name of a systemd unit"),
        ({"manager": "systemd", "name": ""}, "needs the name|not the name"),
        ({"manager": "systemd", "name": "shop service"}, "not the name of a systemd unit"),
        ({"manager": "systemd", "name": "shop", "address": UNIX}, "'address' is unknown"),
        ({"manager": "systemd", "name": "shop", "timeout": 0}, "above 0"),
        (
            {"manager": "systemd", "name": "shop", "mode": "relaod"},
            "one of: instances, reload, restart, got: relaod",
        ),
        ({"manager": "systemd", "nmae": "shop"}, "did you mean 'name'"),
        ({"manager": "supervisord", "name": "shop"}, "missing required arguments: address"),
        ({"manager": "supervisord", "name": "shop", "address": "/run/s.sock"}, "not of the form"),
        ({"manager": "supervisord", "name": "shop", "address": "unix://run-s3cret"}, "not of the form"),
        ({"manager": "supervisord", "name": "shop", "address": "https://u:s3cret@h"}, "not of the form"),
        ({"manager": "supervisord", "name": "shop", "address": "http://u:s3cret@h:port"}, "malformed"),
        ({"manager": "supervisord", "name": "*", "address": UNIX}, "not the name of a process"),
        ({"manager": "supervisord", "name": "shop*:*", "address": UNIX}, "not the name of a process"),
        (
            {"manager": "supervisord", "name": "shop", "address": UNIX, "mode": "reload"},
            "mode must be one of: restart, got: reload",
        ),
        (
            {"manager": "systemd", "name": "shop.service", "mode": "instances"},
            "a template unit like shop@.service",
        ),
        (
            {"manager": "systemd", "name": "shop@1.service", "mode": "instances"},
            "'shop@1.service' is not one",
        ),
        ({"manager": "systemd", "name": "web.target"}, "'web.target' is a target, which has no process"),
        ({"manager": "systemd", "name": "shop.socket", "mode": "reload"}, "'shop.socket' is a socket"),
        ({"manager": "systemd", "name": "shop@1.timer"}, "'shop@1.timer' is a timer"),
        ({"manager": "systemd", "name": "srv.mount"}, "'srv.mount' is a mount"),
        ({"manager": "systemd", "name": "shop@.service"}, "'shop@.service' is a template"),
        ({"manager": "systemd", "name": "shop@"}, "'shop@' is a template"),
        ({"manager": "systemd", "name": "shop@.socket", "mode": "instances"}, "'shop@.socket' is not one"),
        ({"manager": "systemd", "name": "shop", "min_uptime": -1}, "min_uptime 0 or more"),
        ({"manager": "systemd", "name": "shop", "commands": RESTART}, "'commands' is unknown"),
        ({"manager": "command", "name": "shop"}, "missing required arguments: commands"),
        (
            {"manager": "command", "name": "shop", "commands": {"status": ["true"]}},
            "restart found in commands",
        ),
        ({"manager": "command", "name": "shop", "commands": {"restart": []}}, "needs commands.restart"),
        (
            {"manager": "command", "name": "shop", "address": UNIX, "commands": RESTART},
            "'address' is unknown",
        ),
    ],
)
def test_options_that_cannot_work_are_refused_offline(given: Any, why: str) -> None:
    with pytest.raises(StrataError, match=why) as raised:
        connect(service_options(given))
    assert "s3cret" not in str(raised.value)
