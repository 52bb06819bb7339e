# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After the rollback: everything as its owners had it, and nothing left to be put back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from openfeature.client import OpenFeatureClient
from openfeature.evaluation_context import EvaluationContext
from testinfra.host import Host


def test_the_flags_are_exactly_what_their_owners_wrote(
    document: dict[str, Any], owners: dict[str, Any]
) -> None:
    assert json.dumps(document) == json.dumps(owners)  # with all keys in the same order


def test_users_get_what_they_got_before(application: OpenFeatureClient) -> None:
    ours = EvaluationContext("user-1", {"email": "someone@example.com"})
    stranger = EvaluationContext("user-1", {"email": "someone@elsewhere.org"})
    checkout = [application.get_boolean_value("new-checkout", False, user) for user in (ours, stranger)]
    assert checkout == [True, False]
    assert application.get_string_value("banner", "none", stranger) == "Käse, 20 % off"
    assert not application.get_boolean_value("billing-integration", False, stranger)


def test_the_file_keeps_its_owner_and_mode(on: Callable[[str], Host]) -> None:
    file = on("bastion1").file("/etc/flagd/shop.json")
    assert (file.user, file.group, oct(file.mode)) == ("root", "flagd", "0o640")


def test_nothing_is_left_to_put_back(on: Callable[[str], Host], play: Callable[..., Any]) -> None:
    assert json.loads(on("bastion1").file("/var/lib/strata/shop/flags.json").content) == {}
    run = play("rollback.yml")
    assert (run.code, run.changed) == (0, 0)
