# SPDX-License-Identifier: GPL-3.0-or-later
"""Against an executable that stands in for systemctl: it keeps which instances there are, and answers in its form."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.protocol import (
    OverlappingService,
    ServiceOptions,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.supervisord import Supervisord
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.systemd_instances import (
    Instances,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.systemd_unit import Unit

STAND_IN = """#!{python}
import fnmatch, json, pathlib, sys
folder = pathlib.Path(__file__).parent
units = json.loads((folder / "units").read_text())
verb, names = sys.argv[1], sys.argv[sys.argv.index("--") + 1:]
with open(folder / "calls", "a") as calls:
    calls.write(" ".join([verb, *names]) + "\\n") if verb != "show" else None
for name in names:
    if verb == "show":
        # A pattern shows the units that systemd has in mind, a name any unit.
        found = [each for each in units if fnmatch.fnmatchcase(each, name.replace("\\\\\\\\", "\\\\"))] if "*" in name else [name]
        print("\\n\\n".join(
            "Id={{}}\\nLoadState=loaded\\nActiveState={{}}\\nUnitFileState={{}}".format(each, *units.get(each, ["inactive", "disabled"]))
            for each in found
        ))
        continue
    unit = units.setdefault(name, ["inactive", "disabled"])
    if verb in ("start", "stop"):
        unit[0] = "active" if verb == "start" else "inactive"
    elif verb in ("enable", "disable"):
        unit[1] = verb + "d"
(folder / "units").write_text(json.dumps(units))
"""


@pytest.fixture
def units(environment_path: Path) -> Callable[..., Callable[[], dict[str, list[str]]]]:
    """Have there be these units; returns what asks which there are."""

    def write(**found: list[str]) -> Callable[[], dict[str, list[str]]]:
        (environment_path / "systemctl").write_text(STAND_IN.format(python=sys.executable))
        (environment_path / "systemctl").chmod(0o755)
        path = environment_path / "units"
        path.write_text(
            json.dumps({f"shop@{name[1:].replace('_', '.')}.service": each for name, each in found.items()})
        )
        return lambda: json.loads(path.read_text())

    return write


@pytest.fixture
def instances() -> Instances:
    return Instances(ServiceOptions("systemd", "shop@.service", timeout=5, version="2.0"))


def calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text().splitlines()


@pytest.mark.parametrize(
    ("version", "unit"),
    [
        ("2.0", "shop@2.0.service"),
        ("2.0-rc1", r"shop@2.0\x2drc1.service"),
        ("2.0+build_7", r"shop@2.0\x2bbuild_7.service"),
        ("2.socket", "shop@2.socket.service"),
    ],
)
def test_the_instance_is_the_version_as_systemd_escapes_it(version: str, unit: str) -> None:
    for template in ("shop@.service", "shop@"):
        assert Instances(ServiceOptions("systemd", template, version=version)).options.name == unit
    tool = "/usr/bin/systemd-escape"
    if Path(tool).exists():
        escaped = subprocess.run(
            [tool, "--template=shop@.service", version], capture_output=True, text=True, check=True
        )
        assert escaped.stdout.strip() == unit


def test_only_the_new_instance_is_started_anew(
    units: Callable[..., Any], instances: Instances, environment_path: Path
) -> None:
    found = units(v1_0=["active", "enabled"])
    stopped: list[bool] = []
    instances.restart(lambda: stopped.append(True))
    assert found() == {
        "shop@1.0.service": ["active", "enabled"],
        "shop@2.0.service": ["active", "disabled"],
    }
    assert not stopped


def test_the_new_instance_is_enabled_before_the_others_end(
    units: Callable[..., Any], instances: Instances, environment_path: Path
) -> None:
    found = units(v1_0=["active", "enabled"], v0_9=["failed", "disabled"], v2_0=["active", "disabled"])
    instances.take_over()
    assert found() == {
        "shop@1.0.service": ["inactive", "disabled"],
        "shop@0.9.service": ["inactive", "disabled"],
        "shop@2.0.service": ["active", "enabled"],
    }
    assert [call.split()[0] for call in calls(environment_path)] == [
        "enable",
        "stop",
        "reset-failed",
        "disable",
    ]


@pytest.mark.parametrize(
    ("others", "enabled"),
    [
        ({}, "enabled"),
        ({"v1_0": ["active", "disabled"]}, "disabled"),
        ({"v1_0": ["inactive", "enabled"]}, "enabled"),
    ],
    ids=["the first release", "the operator does not want it", "it was enabled and stopped"],
)
def test_the_new_instance_is_enabled_if_the_former_was(
    units: Callable[..., Any], instances: Instances, others: dict[str, list[str]], enabled: str
) -> None:
    found = units(**others, v2_0=["active", "disabled"])
    instances.take_over()
    assert found()["shop@2.0.service"] == ["active", enabled]


@pytest.mark.parametrize(("others", "state"), [({"v1_0": ["active", "enabled"]}, "inactive"), ({}, "active")])
def test_an_instance_gives_way_to_one_that_serves(
    units: Callable[..., Any], instances: Instances, others: dict[str, list[str]], state: str
) -> None:
    found = units(**others, v2_0=["active", "disabled"])
    instances.give_way()
    assert found() == {
        **({"shop@1.0.service": others["v1_0"]} if others else {}),
        "shop@2.0.service": [state, "disabled"],
    }


def test_what_starts_beside_the_old_process_is_told_from_what_does_not() -> None:
    assert isinstance(Instances(ServiceOptions("systemd", "shop@")), OverlappingService)
    assert not isinstance(Unit(ServiceOptions("systemd", "shop")), OverlappingService)
    assert not isinstance(Supervisord(ServiceOptions("supervisord", "shop")), OverlappingService)
