# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host after 0.9, 1.0 and then 2.0 were deployed to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from testinfra.host import Host


def test_current_is_a_link_of_root_s_to_the_release(machine: Host) -> None:
    assert machine.check_output("stat --format '%N %U:%G' /srv/shop/current") == (
        "'/srv/shop/current' -> 'releases/2.0' root:root"
    )


def test_files_are_root_s_and_the_app_may_read_them_though_the_umask_is_strict(machine: Host) -> None:
    assert machine.check_output("umask") == "0077"
    there = machine.check_output(
        "cd /srv/shop && stat --format '%n %U:%G %a' . .strata .strata/state.json releases releases/2.0"
        " releases/2.0/app.py releases/2.0/migrations shared"
    )
    assert there.splitlines() == [
        ". root:root 755",
        ".strata root:root 700",
        ".strata/state.json root:root 600",
        "releases root:root 755",
        "releases/2.0 root:root 755",
        "releases/2.0/app.py root:root 644",
        "releases/2.0/migrations root:root 755",
        "shared root:root 755",
    ]


def test_what_is_shared_is_linked_and_keeps_its_owner_and_mode(machine: Host) -> None:
    assert machine.check_output("readlink /srv/shop/releases/2.0/config.json") == "../../shared/config.json"
    configuration = machine.file("/srv/shop/shared/config.json")
    assert (configuration.user, configuration.group, configuration.mode) == ("root", "shop", 0o640)


def test_the_unit_runs_in_the_release_as_the_app_s_user(machine: Host, process: Callable[[], str]) -> None:
    service = machine.service("shop.service")
    assert service.is_running
    assert service.is_enabled
    # Asked as that user, for root may not look into another's process in a container.
    running_in = machine.check_output(f"runuser --user shop -- readlink /proc/{process()}/cwd")
    assert running_in == "/srv/shop/releases/2.0"


def test_the_unit_runs_as_its_file_has_it_now(machine: Host, process: Callable[[], str]) -> None:
    environment = machine.check_output(f"tr '\\0' '\\n' < /proc/{process()}/environ").splitlines()
    assert {"PORT=8080", "GREETER=anna"} <= set(environment)
    assert machine.check_output("systemctl show --property=NeedDaemonReload --value shop.service") == "no"


def test_the_release_answers_others_with_the_shared_configuration(
    machine: Host, ask: Callable[[], tuple[str, Any]]
) -> None:
    assert machine.socket("tcp://0.0.0.0:8080").is_listening
    assert ask() == ("2.0", {"version": "2.0", "greeting": "good evening"})


def test_the_last_two_good_releases_are_kept_and_no_more(machine: Host, record: Callable[[], Any]) -> None:
    there = set(machine.file("/srv/shop/releases").listdir())
    good = {version for version, release in record().items() if release["state"] == "good"}
    assert good == {"1.0", "2.0"}
    assert good <= there
    assert "0.9" not in there


def test_nobody_holds_the_host_s_lock(machine: Host) -> None:
    assert machine.run("flock --nonblock /srv/shop/.strata/lock true").succeeded
    assert not machine.check_output("find /srv/shop/.strata -name 'incoming-*'")
