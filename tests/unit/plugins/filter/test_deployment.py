# SPDX-License-Identifier: GPL-3.0-or-later
"""Every filter has its documentation, by which Ansible finds it."""

from __future__ import annotations

from pathlib import Path

import yaml

from ansible_collections.strata.deploy.plugins.filter import deployment

FOLDER = Path(deployment.__file__).parent


def test_every_filter_is_documented_in_a_file_of_its_name_and_there_is_no_other() -> None:
    documented = {path.stem for path in FOLDER.glob("*.yml")}
    assert documented
    assert documented == set(deployment.FilterModule().filters())
    for name in documented:
        document = yaml.safe_load((FOLDER / f"{name}.yml").read_text(encoding="utf-8"))
        assert document["DOCUMENTATION"]["name"] == name
