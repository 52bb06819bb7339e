# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller takes of a module's answer: what the module documents, in the shape that it documents.

Ansible acts upon more than that: ``ansible_facts`` become variables that win over the inventory's, ``add_host`` changes the
inventory. A host that somebody else controls must not reach the controller by them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, NamedTuple

from ansible_collections.strata.deploy.plugins.module_utils._core.printable import printable

LONGEST_TEXT = 100_000
DEEPEST = 30
LARGEST_NUMBER = 2**63


class OrNull(NamedTuple):
    """A shape that may be null or missing."""

    shape: Any


LINE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]*")
"""A text of one line."""
NAME = re.compile(r"(?!\.{1,2}$)[^/\x00-\x1f\x7f-\x9f\u2028\u2029]{1,255}")
"""What can be the name of a folder, and leads nowhere else: a version that another tool made may have any character."""

FLAG_STATE = {"state": LINE, "percentage": OrNull(float)}
LOCK = {
    **dict.fromkeys(("id", "version", "user", "host", "machine_id", "boot_id", "pid_ns", "since"), LINE),
    **dict.fromkeys(("pid", "started"), int),
    "note": str,
}
DRAINED = {"*": {"*": OrNull(dict)}}
CURRENT = {
    "version": NAME,
    **dict.fromkeys(("state", "since", "checksum", "deployed_by"), OrNull(LINE)),
}
PENDING = {
    "act": LINE,
    "version": NAME,
    "previous": OrNull(NAME),
    "since": LINE,
    "deployment": OrNull(LINE),
    "linked": OrNull(bool),
}
RELEASE = {
    "version": NAME,
    **dict.fromkeys(("state", "checksum", "kind", "origin", "staged_at"), LINE),
    **dict.fromkeys(("activated_at", "deployed_by"), OrNull(LINE)),
    "reason": OrNull(str),
    **dict.fromkeys(("size", "age"), OrNull(int)),
    "files": OrNull([str]),
    "adopted": OrNull(bool),
}

ANSWERS: Mapping[str, Mapping[str, Any]] = {
    "analysis": {
        "verdict": LINE,
        "reasons": [str],
        "analyses": [{"provider": LINE, "verdict": LINE, "reasons": [str], "figures": dict}],
    },
    "balancer": {
        "members": {"*": {"state": LINE, "sessions": int, "health": str, "definition": dict, "backup": bool}},
        "before": {"*": LINE},
        "ready": int,
        "left_alone": [LINE],
        "seconds": float,
        "sessions": {"*": int},
        "unknown": [LINE],
        "known": [LINE],
        "left": int,
        "minimum": int,
    },
    "database_backup": {
        "path": OrNull(LINE),
        "size": OrNull(int),
        "checksum": OrNull(LINE),
        "seconds": OrNull(float),
        "removed": [LINE],
        "driver": LINE,
    },
    "database_driver": {},
    "deploy_info": {
        "lock": OrNull({**LOCK, "alive": OrNull(bool)}),
        "drained": DRAINED,
        "journal": [dict],
    },
    "deploy_lock": {
        "lock": OrNull(LOCK),
        "unfinished": OrNull(LOCK),
        "drained": DRAINED,
        "contracted": OrNull(LINE),
    },
    "feature_flag": {"flags": {"*": FLAG_STATE}, "former": {"*": FLAG_STATE}},
    "feature_flag_info": {
        "flags": {"*": FLAG_STATE},
        "recorded": {"*": {"rollout": LINE, "at": LINE, "former": FLAG_STATE}},
    },
    "http_health": {"attempts": int, "seconds": float, "last": str},
    "http_journey": {
        "journeys": int,
        "failed_journeys": int,
        "error_rate": float,
        "requests": int,
        "seconds": float,
        "latency": {"*": float},
        "failures": [
            {
                "journey": str,
                "step": OrNull(str),
                "expected": str,
                "got": str,
                "count": int,
            }
        ],
    },
    "migration": {
        "engine": LINE,
        **{name: [LINE] for name in ("applied", "rolled_back", "pending", "accepted", "done")},
        "version": OrNull(LINE),
        "migration": OrNull(LINE),
        "driver": LINE,
        "findings": [{"rule": LINE, "name": LINE, "line": int}],
        "data_loss": [{"name": LINE, "loss": str}],
        "drift": [{"name": LINE, "problem": str}],
        "running": [{"host": LINE, "version": LINE}],
    },
    "migration_info": {
        "engine": LINE,
        "version": OrNull(LINE),
        "applied": [
            {
                **dict.fromkeys(("version", "name"), LINE),
                **dict.fromkeys(("phase", "release", "applied_at"), OrNull(LINE)),
                "reversible": OrNull(bool),
                "unfinished": OrNull(str),
            }
        ],
        "pending": OrNull([{"version": OrNull(LINE), "name": LINE, "phase": OrNull(LINE)}]),
        "drift": [{"name": LINE, "problem": str}],
    },
    "release": {
        "untouched": bool,
        "current": OrNull(CURRENT),
        "pending": OrNull(PENDING),
        "version": OrNull(NAME),
        "previous": OrNull(NAME),
        "state": OrNull(LINE),
        "seconds": float,
        "service": OrNull({"name": LINE, "manager": OrNull(LINE), "state": OrNull(LINE), "pid": OrNull(int)}),
        "health": OrNull(
            {
                **dict.fromkeys(("attempts", "status"), OrNull(int)),
                "seconds": OrNull(float),
                "healthy": OrNull(bool),
                **dict.fromkeys(("version", "detail"), OrNull(str)),
            }
        ),
        "pruned": [NAME],
        "log": [str],
        "last": str,
    },
    "release_info": {
        "current": OrNull(CURRENT),
        "releases": [RELEASE],
        "rollback_target": OrNull(NAME),
        "pending": OrNull(PENDING),
        "healthy": OrNull(bool),
        "health_detail": str,
        "service_state": OrNull(LINE),
        "service_detail": str,
        "migrations": OrNull([LINE]),
        "needs_change": OrNull(bool),
    },
}
"""Each module that runs on a host, with what it returns; a contract test compares this with its documentation.

A type is itself, a pattern is a text that it matches in full. ``[shape]`` is a list, ``{"*": shape}`` a dictionary by name. Of
other dictionaries the keys that are not listed are left out.
"""
NEEDED: Mapping[str, tuple[str, ...]] = {
    "analysis": ("verdict", "reasons"),
    "balancer": ("members", "before"),
    "deploy_info": ("lock", "drained", "journal"),
    "deploy_lock": ("lock", "drained"),
    "feature_flag": ("flags",),
    "feature_flag_info": ("flags",),
    "migration": ("applied", "pending"),
    "migration_info": ("applied", "pending"),
    "release": ("version",),
    "release_info": ("current", "releases", "pending"),
}
"""What an answer must have that says neither that the module failed nor that it was skipped."""
COMMON: Mapping[str, Any] = {
    **dict.fromkeys(("changed", "failed", "skipped"), bool),
    **dict.fromkeys(("msg", "module_stdout", "module_stderr"), str),
    "rc": int,
    "invocation": dict,
    "diff": dict,
    **dict.fromkeys(("warnings", "deprecations"), list),
    "exception": object,
    "_ansible_parsed": bool,
}
"""What Ansible and its modules add to each answer, as far as it only tells and shows."""
ASYNC: Mapping[str, Any] = {
    "ansible_job_id": re.compile(r"[\w.]+"),
    "results_file": LINE,
    # A number or a bool, by the version of Ansible.
    "started": (bool, int),
    "finished": (bool, int),
}
"""The answer of a task that goes on in the background."""


def accepted(module: str, answer: Mapping[str, Any], *, is_async: bool = False) -> dict[str, Any]:
    """What may be used of the answer that a host gave for a module of this collection, by its short name.

    An answer of another shape becomes a failure. What the module did is then as unknown as after a module that crashed.
    """
    shape = {**COMMON, **(ASYNC if is_async else {}), **ANSWERS[module]}
    try:
        found: dict[str, Any] = {
            name: _taken(answer[name], shape[name], name) for name in shape if name in answer
        }
        missing = [name for name in NEEDED.get(module, ()) if name not in found]
        if missing and not is_async and not found.get("failed") and not found.get("skipped"):
            raise _ShapeError(f"it has no '{missing[0]}'")
    except _ShapeError as problem:
        return {
            "failed": True,
            "changed": answer.get("changed") is True,
            "msg": f"The answer of the module {module} cannot be used: {problem}. Find out what runs on that host in its place.",
            "module_stdout": "",  # by which `results.was_interrupted` knows an answer that the module itself did not give
        }
    return found


def shown(value: Any, depth: int = 0) -> Any:
    """A value with every text in it made safe for a terminal, and cut where it is very long."""
    if depth > DEEPEST:
        raise _ShapeError("it is nested too deeply")
    if isinstance(value, str):
        safe = printable(value)
        return safe if len(safe) <= LONGEST_TEXT else f"{safe[:LONGEST_TEXT]} ... ({len(safe)} characters)"
    if isinstance(value, Mapping):
        return {shown(str(key)): shown(item, depth + 1) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(shown(item, depth + 1) for item in value)
    if isinstance(value, list):
        return [shown(item, depth + 1) for item in value]
    if is_dataclass(value) and not isinstance(value, type):  # errors and warnings, as Ansible carries them
        parts = {each.name: getattr(value, each.name) for each in fields(value)}
        changed = {name: shown(part, depth + 1) for name, part in parts.items()}
        return replace(value, **{name: part for name, part in changed.items() if part != parts[name]})
    return value


class _ShapeError(Exception):
    """Why a value is not what the module documents."""


def _taken(value: Any, shape: Any, where: str) -> Any:
    if isinstance(shape, OrNull):
        return None if value is None else _taken(value, shape.shape, where)
    if isinstance(shape, re.Pattern):
        if not isinstance(value, str) or not shape.fullmatch(value):
            raise _ShapeError(f"'{printable(where)}' is {_quoted(value)}, which it cannot be")
        return shown(value)
    if isinstance(shape, list):
        _require(value, list, where)
        return [_taken(item, shape[0], f"{where}[{index}]") for index, item in enumerate(value)]
    if isinstance(shape, Mapping):
        _require(value, Mapping, where)
        if "*" in shape:
            return {
                _taken(name, LINE, f"a name in {where}"): _taken(item, shape["*"], f"{where}.{name}")
                for name, item in value.items()
            }
        return {
            name: _taken(value.get(name), each, f"{where}.{name}")
            for name, each in shape.items()
            if name in value or not isinstance(each, OrNull)
        }
    if shape in (int, float):
        _require(value, (int, float) if shape is float else int, where)
        if isinstance(value, bool) or not math.isfinite(value) or abs(value) > LARGEST_NUMBER:
            raise _ShapeError(
                f"'{printable(where)}' is {_quoted(value)}, which is no number that can be used"
            )
        return value
    _require(value, shape, where)
    return shown(value)


def _require(value: Any, wanted: Any, where: str) -> None:
    if not isinstance(value, wanted):
        raise _ShapeError(f"'{printable(where)}' is {_quoted(value)}, of the type {type(value).__name__}")


def _quoted(value: Any) -> str:
    text = printable(repr(value)) if isinstance(value, (str, int, float, bool, type(None))) else "a value"
    return f"{text[:80]}..." if len(text) > 80 else text
