# SPDX-License-Identifier: GPL-3.0-or-later
"""Which units depend on a service, with answers that systemd 252 gave to `systemctl show`."""

from __future__ import annotations

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.systemd_dependents import (
    STARTED_BY,
    STOPPED_WITH,
    Facts,
    can_start,
    is_up,
    named,
    started_by,
    stopped_with,
    units,
)

SERVICE = """\
Id=gunicorn.service
RequiredBy=w-Requires.service web.target
RequisiteOf=
BoundBy=w-BindsTo.service
UpheldBy=
ConsistsOf=gunicorn.socket w-PartOf.service
TriggeredBy=gunicorn.socket
PropagatesStopTo=w-stop.service
LoadState=loaded
ActiveState=active
CanStart=yes
"""
BLOCK = """\
Id={}
RequiredBy={}
RequisiteOf=
BoundBy=
ConsistsOf={}
PropagatesStopTo=
LoadState=loaded
ActiveState={}
CanStart=yes
"""
GONE = """\
Id=gone.service
RequiredBy=
RequisiteOf=
BoundBy=
ConsistsOf=
PropagatesStopTo=
LoadState=not-found
ActiveState=inactive
CanStart=no
"""


class Host:
    """A host of which `systemctl show` tells this of each unit; ``asked`` lists what was asked."""

    def __init__(self, **states: str) -> None:
        self.asked: list[list[str]] = []
        self._blocks = {
            "gunicorn.socket": ("gunicorn.service", ""),
            "w-PartOf.service": ("", "w2.service"),
            "w2.service": ("gunicorn.service", ""),
        }
        self._states = states

    def show(self, names: list[str]) -> list[Facts]:
        self.asked.append(names)
        blocks = (
            BLOCK.format(
                name,
                *self._blocks.get(name, ("", "")),
                self._states.get(name.partition(".")[0].replace("-", "_"), "active"),
            )
            for name in names
        )
        return units("\n".join(blocks))


FACTS = units(SERVICE)[0]


def test_each_unit_of_an_answer_is_read() -> None:
    found = units(f"{SERVICE}\n{GONE}")
    assert [each["Id"] for each in found] == ["gunicorn.service", "gone.service"]
    assert units("\n") == []


def test_what_a_stop_stops_is_found_by_way_of_others_too() -> None:
    host = Host()
    assert sorted(stopped_with(FACTS, host.show)) == [
        "gunicorn.socket",
        "w-BindsTo.service",
        "w-PartOf.service",
        "w-Requires.service",
        "w-stop.service",
        "w2.service",
        "web.target",
    ]
    # Each once, although they depend on the service and each other.
    assert len([name for names in host.asked for name in names]) == 7


def test_what_does_not_run_is_not_stopped_but_what_depends_on_it_is() -> None:
    host = Host(w_PartOf="inactive", web="failed", w_stop="activating")
    found = stopped_with(FACTS, host.show)
    assert {"w2.service", "w-stop.service"} <= set(found)
    assert not {"w-PartOf.service", "web.target"} & set(found)


def test_a_unit_without_dependents_asks_nothing_more() -> None:
    host = Host()
    alone = {"Id": "shop.service", "TriggeredBy": "shop.timer"}
    assert stopped_with(alone, host.show) == []
    assert started_by(alone, host.show) == []
    assert host.asked == []


def test_a_socket_starts_its_service_and_a_timer_does_not_count() -> None:
    facts = {**FACTS, "TriggeredBy": "gunicorn.socket gunicorn.timer", "UpheldBy": "app.target"}
    assert [each["Id"] for each in started_by(facts, Host().show)] == ["gunicorn.socket", "app.target"]


def test_a_name_that_two_properties_have_is_named_once() -> None:
    assert named({"RequiredBy": "a b", "BoundBy": "b"}, STOPPED_WITH) == ["b", "a"]
    assert named({}, STARTED_BY) == []


@pytest.mark.parametrize(
    ("state", "up"),
    [("active", True), ("activating", True), ("reloading", True), ("inactive", False), ("failed", False)],
)
def test_a_unit_is_up_or_gone(state: str, up: bool) -> None:
    assert is_up({"ActiveState": state}) is up


def test_what_systemd_does_not_have_or_refuses_is_not_started() -> None:
    assert can_start(FACTS)
    assert not can_start(units(GONE)[0])
    assert not can_start({**FACTS, "CanStart": "no"})
