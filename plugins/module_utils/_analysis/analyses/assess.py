# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a list of analyses at the same time, and sums their findings up in one verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._analysis.analyses import PROVIDERS
from ansible_collections.strata.deploy.plugins.module_utils._analysis.analyses.protocol import (
    Analysis,
    Finding,
    Verdict,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._core.providers import choose

BEST_FIRST: tuple[Verdict, ...] = ("pass", "inconclusive", "fail")


@dataclass(frozen=True)
class Assessment:
    """What all analyses say together: ``fail`` if one fails, else ``inconclusive`` if one is.

    Args:
        reasons: those of all findings, each with its provider's name before it.
        findings: the finding of each analysis with its provider's name, in the order of the analyses.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    findings: tuple[tuple[str, Finding], ...]


def prepare(given: Sequence[Mapping[str, Any]], duration: float) -> list[Analysis]:
    """Make the analyses that users' dictionaries describe, all of them validated.

    Raises:
        StrataError: an analysis cannot be made, or the list is empty.
    """
    if not given:
        raise StrataError("There is no analysis to run. Give at least one.")
    if duration < 0:
        raise StrataError(f"duration is {duration}: give seconds, 0 or more.")
    analyses = []
    for each in given:
        provider, options = choose("analysis", PROVIDERS, each)
        analysis = provider(options)
        analysis.validate(duration)
        analyses.append(analysis)
    return analyses


def assess(analyses: Sequence[Analysis], duration: float) -> Assessment:
    """Run all analyses at the same time, each for at least ``duration`` seconds."""
    with ThreadPoolExecutor(len(analyses)) as pool:
        answers = list(pool.map(lambda analysis: _find(analysis, duration), analyses))
    findings = tuple((analysis.NAME, finding) for analysis, finding in zip(analyses, answers))
    return Assessment(
        verdict=max((finding.verdict for finding in answers), key=BEST_FIRST.index),
        reasons=tuple(f"{name}: {reason}" for name, finding in findings for reason in finding.reasons),
        findings=findings,
    )


def _find(analysis: Analysis, duration: float) -> Finding:
    try:
        return analysis.analyse(duration)
    except StrataError as error:
        return Finding("inconclusive", (str(error),), error.details)
