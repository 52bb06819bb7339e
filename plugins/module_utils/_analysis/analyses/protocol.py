# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an analysis is: one question about a running system, answered with a verdict, reasons and figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol

Verdict = Literal["pass", "fail", "inconclusive"]


@dataclass(frozen=True)
class Finding:
    """The answer of one analysis.

    Args:
        verdict: ``inconclusive`` means that the question could not be answered, for instance for lack of data.
        reasons: a sentence each; empty only for ``pass``.
        figures: what was measured, as JSON; its keys belong to the provider.
    """

    verdict: Verdict
    reasons: tuple[str, ...] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)


class Analysis(Protocol):
    """One analysis.

    Args:
        NAME: the provider's name, by which users choose it.
        OPTIONS: its own options, declared as in an AnsibleModule's ``argument_spec``.
        options: these options, validated and converted as ``OPTIONS`` declares them.
    """

    NAME: ClassVar[str]
    OPTIONS: ClassVar[Mapping[str, Any]]

    def __init__(self, options: Mapping[str, Any]) -> None: ...

    def validate(self, duration: float) -> None:
        """Raise StrataError for options with which nothing can be analysed for ``duration`` seconds; contacts nothing."""

    def analyse(self, duration: float) -> Finding:
        """Observe for at least ``duration`` seconds, and say what was found.

        Raises:
            StrataError: the question could not be answered; counts as inconclusive.
        """
