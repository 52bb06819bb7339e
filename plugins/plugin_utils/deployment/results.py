# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a registered result says: whether the task succeeded, and if not, why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Result = Mapping[str, Any]
"""What a task registered on one host; empty where it registered nothing."""


def failure_reason(result: Result | Sequence[Result] | None) -> str | None:
    """Why a registered result, or the first failed one of several, is a failure; None if it is not."""
    if not result:
        return None
    if not isinstance(result, Mapping):
        return next(filter(None, map(failure_reason, result)), None)
    broken = [item for item in result.get("results") or [] if failure_reason(item)]
    if broken:
        return "; ".join(
            f"{item['item']}: {failure_reason(item)}"
            if isinstance(item.get("item"), str)
            else str(failure_reason(item))
            for item in broken
        )
    if result.get("unreachable"):
        return f"unreachable: {result.get('msg', 'no answer')}"
    if result.get("failed"):
        detail = result.get("msg") or result.get("module_stderr") or _exception(result)
        if not detail:
            detail = "its failed_when holds" if result.get("failed_when_result") else "no message"
        return str(detail).strip()
    return None


def _exception(result: Result) -> str:
    """What was raised; empty where ansible-core only says that it has no traceback to show."""
    raised = str(result.get("exception") or "")
    return "" if raised.startswith("(traceback unavailable)") else raised


def was_skipped(result: Result) -> bool:
    """Whether a task was skipped, or each item of its loop was."""
    items = result.get("results")
    if items:
        return all(item.get("skipped") for item in items)
    return bool(result.get("skipped"))


def succeeded(result: Result) -> bool:
    """Whether a task ran to its end without a failure; a skipped one did not run."""
    return bool(result) and not was_skipped(result) and failure_reason(result) is None


def was_interrupted(result: Result) -> bool:
    """Whether a task ended without an answer of its module, so that what it did, or still does, is unknown."""
    return bool(result.get("unreachable")) or "module_stdout" in result
