# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a playbook a command leaves out: ``--limit``, ``--tags`` and the like, decided as Ansible decides it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

EVERY_TASK = ("all", "always", "tagged", "untagged")
"""Tags that concern tasks without a tag of their own, as Strata's are."""


def within_limit(names: Sequence[str], limit: str, groups: Mapping[str, Sequence[str]]) -> list[str]:
    """The hosts that ``--limit`` leaves in, by Ansible's own matching of patterns, ``@FILE`` included."""
    inventory = InventoryManager(loader=DataLoader(), sources=None, parse=False)
    for group, hosts in groups.items():
        inventory.add_group(group)
        for host in hosts:
            inventory.add_host(host, group)
    if limit:
        inventory.subset(limit)
    # Asked one by one, because Ansible implies a localhost that no group has.
    return [name for name in names if inventory.get_hosts(name)]


def check_whole(options: Mapping[str, Any], limit: str, groups: Mapping[str, Sequence[str]]) -> None:
    """Refuse a command by which Ansible would pass over plays or tasks that a deployment cannot do without.

    Args:
        options: the command line of ansible-playbook, as ``ansible.context.CLIARGS`` has it.

    Raises:
        StrataError: an option leaves out what takes the lock, decides or reports.
    """
    tags = [tag for tag in options.get("tags") or [] if tag != "all"]
    skipped = [tag for tag in options.get("skip_tags") or [] if tag in EVERY_TASK]
    left_out = {
        f"--tags {','.join(tags)}": bool(tags),
        f"--skip-tags {','.join(skipped)}": bool(skipped),
        f"--start-at-task '{options.get('start_at_task')}'": bool(options.get("start_at_task")),
        "--step": bool(options.get("step")),
    }
    given = [option for option, is_given in left_out.items() if is_given]
    if given:
        raise StrataError(
            f"{' and '.join(given)} would leave out steps of the deployment, and it could not tell what it did. "
            "Leave it out; deployment_layers chooses layers, and each layer has a playbook of its own. Nothing was touched."
        )
    if limit and not within_limit(["localhost"], limit, groups):
        raise StrataError(
            f"--limit {limit} leaves localhost out, where a deployment takes its lock and reports. "
            f"Name it too: --limit {_with_localhost(limit)}. Nothing was touched."
        )


def _with_localhost(limit: str) -> str:
    separator = ":" if ":" in limit and "," not in limit else ","
    return f"'{limit}{separator}localhost'" if set(limit) & set("!&*~[") else f"{limit}{separator}localhost"
