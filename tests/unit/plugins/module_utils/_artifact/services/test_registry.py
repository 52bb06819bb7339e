# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.services import PROVIDERS, connect
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.protocol import ServiceOptions
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

UNIX = "unix:///run/s.sock"


def test_providers_are_registered_by_their_name_in_order() -> None:
    assert list(PROVIDERS) == sorted(PROVIDERS) == ["command", "supervisord", "systemd"]
    assert all(list(modes) == sorted(modes) for modes in PROVIDERS.values())


def test_no_service_is_none() -> None:
    assert connect(None) is None
    assert connect(ServiceOptions("none", "")) is None


@pytest.mark.parametrize(
    "options",
    [
        ServiceOptions("supervisord", "shop", UNIX),
        ServiceOptions("supervisord", "group:shop_01", "http://u:pw@127.0.0.1:9001"),
        ServiceOptions("supervisord", "group:*", UNIX),
        ServiceOptions("systemd", "shop@1.service"),
        ServiceOptions("systemd", "shop", mode="reload"),
        ServiceOptions("systemd", "shop@.service", mode="instances"),
        ServiceOptions("systemd", "shop@", mode="instances", version="2.0-rc1"),
        ServiceOptions("command", "shop", commands={"restart": ("sv", "restart", "shop")}),
    ],
)
def test_options_that_can_work_pass_offline(options: ServiceOptions) -> None:
    service = connect(options)
    assert service
    assert options.manager == service.NAME


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (
            ServiceOptions("runit", "shop"),
            "no service manager 'runit'; known: command, supervisord, systemd, none",
        ),
        (ServiceOptions("systemd", ""), "needs the name"),
        (ServiceOptions("systemd", "--force"), "not the name of a systemd unit"),
        (ServiceOptions("systemd", "shop service"), "not the name of a systemd unit"),
        (ServiceOptions("systemd", "shop", UNIX), "takes no address"),
        (ServiceOptions("systemd", "shop", timeout=0), "above 0"),
        (ServiceOptions("supervisord", "shop"), "needs its address"),
        (ServiceOptions("supervisord", "shop", "/run/s.sock"), "not of the form"),
        (ServiceOptions("supervisord", "shop", "unix://run-s3cret"), "not of the form"),
        (ServiceOptions("supervisord", "shop", "https://u:s3cret@h"), "not of the form"),
        (ServiceOptions("supervisord", "shop", "http://u:s3cret@h:port"), "malformed"),
        (ServiceOptions("supervisord", "*", UNIX), "not the name of a process"),
        (ServiceOptions("supervisord", "shop*:*", UNIX), "not the name of a process"),
        (ServiceOptions("supervisord", "shop", UNIX, mode="reload"), "has no mode 'reload'; it has: restart"),
        (ServiceOptions("systemd", "shop.service", mode="instances"), "a template unit like shop@.service"),
        (ServiceOptions("systemd", "shop@1.service", mode="instances"), "and 'shop@1.service' is none"),
        (ServiceOptions("systemd", "shop", min_uptime=-1), "min_uptime 0 or more"),
        (ServiceOptions("systemd", "shop", commands={"restart": ("true",)}), "systemd takes no commands"),
        (ServiceOptions("command", "shop"), "needs commands.restart"),
        (ServiceOptions("command", "shop", UNIX, commands={"restart": ("true",)}), "takes no address"),
    ],
)
def test_options_that_cannot_work_are_refused_offline(options: ServiceOptions, why: str) -> None:
    with pytest.raises(StrataError, match=why) as raised:
        connect(options)
    assert "s3cret" not in str(raised.value)
