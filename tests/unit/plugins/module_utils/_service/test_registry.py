# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._service import PROVIDERS, connect
from ansible_collections.strata.deploy.plugins.module_utils._service.protocol import ServiceOptions

UNIX = "unix:///run/s.sock"


def test_providers_are_registered_by_their_name_in_order() -> None:
    assert list(PROVIDERS) == sorted(PROVIDERS) == ["supervisord", "systemd"]


def test_no_service_is_none() -> None:
    assert connect(None) is None
    assert connect(ServiceOptions("none", "")) is None


@pytest.mark.parametrize(
    "options",
    [
        ServiceOptions("supervisord", "shop", UNIX),
        ServiceOptions("supervisord", "group:shop_01", "http://u:pw@127.0.0.1:9001"),
        ServiceOptions("systemd", "shop@1.service"),
    ],
)
def test_options_that_can_work_pass_offline(options: ServiceOptions) -> None:
    service = connect(options)
    assert service
    assert options.manager == service.NAME


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (ServiceOptions("runit", "shop"), "no service manager 'runit'; known: supervisord, systemd, none"),
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
        (ServiceOptions("supervisord", "group:*", UNIX), "not the name of one process"),
    ],
)
def test_options_that_cannot_work_are_refused_offline(options: ServiceOptions, why: str) -> None:
    with pytest.raises(StrataError, match=why) as raised:
        connect(options)
    assert "s3cret" not in str(raised.value)
