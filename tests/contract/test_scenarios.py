# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

MOLECULE = Path(__file__).resolve().parents[2] / "molecule"
SCENARIOS = sorted(path.parent.name for path in MOLECULE.glob("*/molecule.yml"))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_scenario_has_every_step_for_molecule_passes_over_what_is_missing(scenario: str) -> None:
    folder = MOLECULE / scenario
    steps = ("prepare.yml", "converge.yml", "rollback.yml", "inventory/hosts.yml")
    assert [name for name in steps if not (folder / name).exists()] == []
    assert [
        tests
        for tests in ("converged", "rolled_back")
        if not list((folder / "tests" / tests).glob("test_*.py"))
    ] == []


def test_every_scenario_is_told_of() -> None:
    text = (MOLECULE.parent / "docs" / "testing.md").read_text(encoding="utf-8")
    assert SCENARIOS
    assert [name for name in SCENARIOS if f"`{name}`" not in text] == []
