# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The roles' options, as each role declares them, and every host's variables checked against them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator, ValidationResult
from ansible.module_utils.common.parameters import remove_values
from ansible.module_utils.errors import UnsupportedError

from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.provided import provider_problem

NEARLY_THE_SAME = 0.9

Specification = Mapping[str, Any]
"""An option's declaration, as in ``meta/argument_specs.yml``."""


@dataclass(frozen=True)
class Options:
    """What the roles of the collection declare.

    Args:
        given: names of variables that the roles give to the tasks of users, and that nobody sets.
    """

    by_role: Mapping[str, Mapping[str, Specification]]
    given: frozenset[str] = frozenset()

    @property
    def all(self) -> dict[str, Specification]:
        return {name: spec for options in self.by_role.values() for name, spec in options.items()}

    def required(self, roles: Iterable[str]) -> list[str]:
        """The names of the options that these roles cannot do without."""
        return [
            name
            for role in roles
            for name, spec in self.by_role.get(role, {}).items()
            if spec.get("required")
        ]


def declared_options(roles: Path) -> Options:
    """Read the options of every role below a folder."""
    found = {}
    for path in sorted(roles.glob("*/meta/argument_specs.yml")):
        specs = yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]
        found[path.parts[-3]] = {
            name: spec for entry in specs.values() for name, spec in entry.get("options", {}).items()
        }
    names: set[str] = set()
    for path in roles.glob("*/vars/main.yml"):
        names |= set(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    return Options(found, frozenset(names))


def validated(specification: Specification, value: Any) -> Any:
    """A value with its types converted and its nested defaults filled in; None where it is not valid."""
    checked = _checked("option", specification, value)
    return checked.validated_parameters["option"] if checked and not checked.error_messages else None


def _checked(name: str, specification: Specification, value: Any) -> ValidationResult | None:
    """Ansible's own validation; None where the value's shape is one that it cannot validate."""
    try:
        return ArgumentSpecValidator({name: {**specification, "required": False}}).validate({name: value})
    except (TypeError, AttributeError):
        return None  # a number in place of a dictionary, on which it crashes


def option_problems(
    options: Options,
    variables: Mapping[str, Mapping[str, Any]],
    needed: Mapping[str, Sequence[str]],
    read: Callable[[str, str], Any],
) -> list[str]:
    """Everything that is wrong with the options that hosts have, one sentence each, with the hosts that have it.

    Args:
        variables: a host's name -> its variables; of a host only the names are looked at here.
        needed: a host's name -> the options that it cannot do without.
        read: gives the value of a host's variable; raises LookupError where it cannot be told yet.
    """
    found: dict[str, list[str]] = {}
    for host, own in variables.items():
        for problem in _problems_of(options, host, own, needed.get(host, ()), read):
            found.setdefault(problem, []).append(host)
    return [f"{problem} ({_listed(hosts)})" for problem, hosts in found.items()]


def _problems_of(
    options: Options,
    host: str,
    own: Mapping[str, Any],
    needed: Sequence[str],
    read: Callable[[str, str], Any],
) -> Iterator[str]:
    known = options.all
    for name in sorted(own):
        if name in known:
            yield from _value_problems(name, known[name], host, read)
        elif name not in options.given and _is_meant_as_option(name, options):
            yield f"Unknown option '{name}'.{suggestion(name, known)}"
    for name in needed:
        if name not in own:
            yield f"The option '{name}' is missing: {known[name].get('description', 'it is required')}"


def _value_problems(
    name: str, spec: Specification, host: str, read: Callable[[str, str], Any]
) -> Iterator[str]:
    try:
        value = read(host, name)
    except LookupError:
        return  # it refers to what is not known yet, the path of the release for instance; the role validates it
    checked = _checked(name, spec, value)
    if checked is None:
        yield f"The option '{name}' does not have the shape that it needs, {_shape(spec)}."
        return
    for error in checked.errors:
        if not isinstance(error, UnsupportedError):
            text = error.msg.rstrip(".") + "."
            yield remove_values(text[0].upper() + text[1:], checked._no_log_values)
    for path in sorted(checked.unsupported_parameters):
        *inside, last = path if isinstance(path, tuple) else (path,)
        yield f"Unknown option '{last}' in {'.'.join(inside)}.{suggestion(last, _names_inside(spec))}"
    if not checked.error_messages:
        yield from filter(None, [provider_problem(name, value)])


def _shape(spec: Specification) -> str:
    inside = f" with {', '.join(spec['options'])}" if spec.get("options") else ""
    return f"a {spec.get('type', 'str')}{' of ' + spec['elements'] if spec.get('elements') else ''}{inside}"


def _names_inside(spec: Specification) -> set[str]:
    inside = spec.get("options") or {}
    return set(inside).union(*(_names_inside(each) for each in inside.values()))


def _is_meant_as_option(name: str, options: Options) -> bool:
    """Whether a variable begins like a role's option, or is one but for a letter or two."""
    if name.startswith("__"):
        return False  # what the roles register
    prefixes = tuple(
        prefix
        for role, own in options.by_role.items()
        for prefix in {f"{role}_"}
        | {f"{each.partition('_')[0]}_" for each in own if not each.startswith(role)}
    )
    return name.startswith(prefixes) or bool(
        difflib.get_close_matches(name, options.all, n=1, cutoff=NEARLY_THE_SAME)
    )


def suggestion(name: str, known: Iterable[str]) -> str:
    """Ask whether the nearest known name was meant; empty where none is near."""
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return f" Did you mean '{near[0]}'?" if near else ""


def _listed(hosts: Sequence[str]) -> str:
    return "on the controller" if list(hosts) == ["localhost"] else f"on {', '.join(hosts)}"
