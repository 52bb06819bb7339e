# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of the migrating host, as the plays on the controller give them to the role."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

ROOT = Path(__file__).resolve().parents[5]
PASSED: dict[str, str] = yaml.safe_load(
    (ROOT / "playbooks/vars/migrating_host.yml").read_text(encoding="utf-8")
)
DEFAULTS: dict[str, Any] = yaml.safe_load(
    (ROOT / "roles/db_migrate/defaults/main.yml").read_text(encoding="utf-8")
)
OF_THE_DEPLOYMENT = {
    f"db_migrate_{name}"
    for name in [
        *("archive", "checksum", "phase", "release", "running", "rollback_to", "contract", "contract_from"),
        *("allow_old_code", "allow_data_loss", "accept_drift", "resume"),
    ]
}


def rendered(name: str, **host: Any) -> Any:
    """An option where the controller itself has other ideas."""
    variables = {
        "groups": {"db": ["db1"]},
        "hostvars": {"db1": host, "localhost": dict.fromkeys(PASSED, "not this")},
        "db_migrate_host": "db1",
        "artifact_root": "not this",
    }
    return Templar(DataLoader(), variables=variables).template(trust_as_template(PASSED[name].strip()))


def test_every_option_is_the_hosts_or_the_deployments() -> None:
    assert set(PASSED) | OF_THE_DEPLOYMENT == set(DEFAULTS)


# The filter of db_migrate_source has tests of its own: test_archive_source.py.
@pytest.mark.parametrize("name", sorted(set(PASSED) - {"db_migrate_host", "db_migrate_source"}))
def test_the_hosts_variable_is_taken_else_the_roles_default(name: str) -> None:
    assert rendered(name, **{name: "this"}) == "this"
    of_the_artifact = name in ("db_migrate_root", "db_migrate_archive", "db_migrate_checksum")
    assert rendered(name) == ("" if of_the_artifact else DEFAULTS[name])


@pytest.mark.parametrize(
    ("name", "artifact"),
    [("db_migrate_archive", "artifact_url"), ("db_migrate_checksum", "artifact_checksum")],
)
def test_what_lies_in_s3_is_fetched_as_it_was_signed(name: str, artifact: str) -> None:
    signed = {"results": [{"item": "s3://builds/shop", "url": "https://builds/shop?X-Amz-Signature=1"}]}
    for given, got in (
        ("s3://builds/shop", signed["results"][0]["url"]),
        ("https://h/shop", "https://h/shop"),
    ):
        variables = {
            "hostvars": {"db1": {}, "localhost": {"__artifact_signed": signed}},
            "db_migrate_host": "db1",
            artifact: given,
        }
        template = trust_as_template(PASSED[name].strip())
        assert Templar(DataLoader(), variables=variables).template(template) == got


def test_the_app_s_folder_is_the_one_on_that_host() -> None:
    assert rendered("db_migrate_root", artifact_root="/srv/there") == "/srv/there"


def test_the_first_host_of_the_group_migrates() -> None:
    assert rendered("db_migrate_host") == "db1"


def test_the_role_takes_what_it_is_given() -> None:
    """A lookup in the role itself would go before the variables of a play, a task or the command line."""
    files = [path for part in ("tasks", "vars") for path in (ROOT / "roles/db_migrate" / part).glob("*.yml")]
    assert files
    assert [path.name for path in files if "hostvars" in path.read_text(encoding="utf-8")] == []
