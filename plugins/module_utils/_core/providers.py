# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Choosing a provider by its name, and validating its options as the provider itself declares them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any, ClassVar, Protocol, TypeVar

# The only part of Ansible that `_core` imports. A provider's options must mean the same as a module's
# (types, choices, defaults, nested options), and a second implementation of these rules would differ from Ansible's.
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.strata.deploy.plugins.module_utils._core import urls
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._core.secrecy import blotted, hidden


class Provider(Protocol):
    """What every provider has, besides the verbs of its kind.

    Args:
        NAME: how users name it, and its key in the registry.
        OPTIONS: its own options, declared as in an AnsibleModule's ``argument_spec``.
    """

    NAME: ClassVar[str]
    OPTIONS: ClassVar[Mapping[str, Any]]


P = TypeVar("P", bound=Provider)
HIDDEN = "********"
_URL = re.compile(r"(?:https?|unix)://\S+", re.IGNORECASE)


def choose(
    kind: str, providers: Mapping[str, type[P]], given: Mapping[str, Any], *, key: str = "provider"
) -> tuple[type[P], dict[str, Any]]:
    """Find the provider that a user's dictionary names, and validate the rest of the dictionary as its options.

    An option that is null counts as not given. An option that is not given has its default, or None.

    Args:
        kind: what the provider is, for messages, for instance ``service manager``.
        given: the dictionary, which is not changed.
        key: under which it holds the provider's name.

    Returns:
        The provider's class, and its options with their types converted.

    Raises:
        StrataError: names everything that is wrong with the dictionary, without the value of a ``no_log`` option.
    """
    names = ", ".join(sorted(providers))
    if not isinstance(given, Mapping):
        raise StrataError(f"The {kind} is not a dictionary. Set '{key}' in it to one of: {names}.")
    name = given.get(key)
    if name is None:
        raise StrataError(f"The {kind} is not named. Set '{key}' to one of: {names}.")
    provider = providers.get(str(name))
    if provider is None:
        raise StrataError(f"There is no {kind} '{name}' {_suggestion(str(name), providers)}.")
    options, problems = _known(_others(given, key), provider.OPTIONS)
    checked = ArgumentSpecValidator(dict(provider.OPTIONS)).validate(options)
    problems += [each.rstrip(".") for each in checked.error_messages]
    if problems:
        shown = blotted("; ".join(problems), secrets(providers, given, key=key))
        raise StrataError(f"The options of the {kind} '{name}' are not valid: {shown}.")
    return provider, dict(checked.validated_parameters)


def secrets(providers: Mapping[str, type[P]], given: Mapping[str, Any], *, key: str = "provider") -> set[str]:
    """The values of ``no_log`` options in a user's dictionary, which need not be valid.

    Where the provider is unknown, it is enough that one provider declares an option of that name ``no_log``.
    """
    return set(_secrets(_others(given, key), _fragments(providers, given, key)))


def conceal(
    no_log_values: set[str],
    parameters: MutableMapping[str, Any],
    name: str,
    providers: Mapping[str, type[P]],
    *,
    key: str = "provider",
) -> Mapping[str, Any]:
    """Hide the secrets of the option ``name`` in a module's answer, and show what else it has.

    The module must declare the whole dictionary ``no_log``, because Ansible writes a module's arguments to the host's
    log before the module can say which of them are secret. Call this before `choose`, which may fail.

    Args:
        no_log_values: the module's own, which are changed: the values of the dictionary go, and its secrets stay.
        parameters: the module's own, in which the dictionary is replaced by what may be shown. The value of an unknown
            option is not, because its name may be a misspelt ``password``.

    Returns:
        The dictionary as it was given; empty where it was not.
    """
    given = parameters.get(name) or {}
    no_log_values.difference_update(strings(given))
    hide(no_log_values, providers, given, key=key)
    if given:
        parameters[name] = {
            **_shown(_others(given, key), _fragments(providers, given, key)),
            **{each: value for each, value in given.items() if each == key},
        }
    return given


def hide(
    no_log_values: set[str],
    providers: Mapping[str, type[P]],
    given: Mapping[str, Any],
    *,
    key: str = "provider",
) -> None:
    """Add the secrets of a user's dictionary to the values that Ansible blots out of an answer.

    Of an option that is a URL only the user, the password and the query are secret, whether or not it is ``no_log``.
    """
    no_log_values.update(hidden(secrets(providers, given, key=key)))
    whole = [each for each in given.values() if isinstance(each, str) and _URL.fullmatch(each)]
    urls.conceal(no_log_values, *whole)


def _others(given: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {each: value for each, value in given.items() if each != key}


def _fragments(
    providers: Mapping[str, type[P]], given: Mapping[str, Any], key: str
) -> list[Mapping[str, Any]]:
    """The options of the named provider; of all where none has that name."""
    chosen = providers.get(str(given.get(key)))
    return [each.OPTIONS for each in ([chosen] if chosen else providers.values())]


def _suggestion(name: str, known: Iterable[str], inside: str = "") -> str:
    close = difflib.get_close_matches(name, known, 1)
    guess = f"did you mean '{inside}{close[0]}'? " if close else ""
    return f"({guess}known: {', '.join(sorted(known)) or 'none'})"


def _known(
    given: Mapping[Any, Any], fragment: Mapping[str, Any], inside: str = ""
) -> tuple[dict[str, Any], list[str]]:
    """What of the options Ansible can validate, nulls left out; and the problems of the rest.

    Ansible names unknown options without a suggestion, and crashes on a number in place of nested options.
    """
    known: dict[str, Any] = {}
    problems: list[str] = []
    for name, value in given.items():
        where = f"{inside}{name}"
        if name not in fragment:
            problems.append(f"'{where}' is unknown {_suggestion(str(name), fragment, inside)}")
        elif value is not None and "options" in fragment[name]:
            several = fragment[name].get("type") == "list" and isinstance(value, list)
            found: list[Any] = []
            for index, each in enumerate(value) if several else [(0, value)]:
                there = f"{where}[{index}]" if several else where
                if isinstance(each, Mapping):
                    nested, more = _known(each, fragment[name]["options"], f"{there}.")
                    found.append(nested)
                    problems += more
                elif isinstance(each, str):
                    found.append(each)  # Ansible reads key=value and JSON.
                else:
                    problems.append(f"'{there}' is not a dictionary")
            if found or (several and not value):
                known[name] = found if several else found[0]
        elif value is not None:
            known[name] = value
    return known, problems


def _secrets(given: Mapping[str, Any], fragments: list[Mapping[str, Any]]) -> Iterator[str]:
    user, password = given.get("username") or given.get("user"), given.get("password")
    if user and password:
        yield urls.basic(str(user), str(password)).partition(" ")[2]
    for name, value in given.items():
        declared = [fragment[name] for fragment in fragments if name in fragment]
        nested = [each["options"] for each in declared if "options" in each]
        if any(each.get("no_log") for each in declared):
            yield from strings(value)
        elif nested:
            for each in value if isinstance(value, list) else [value]:
                yield from _secrets(each, nested) if isinstance(each, Mapping) else strings(each)


def _shown(given: Mapping[str, Any], fragments: list[Mapping[str, Any]]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name, value in given.items():
        declared = [fragment[name] for fragment in fragments if name in fragment]
        nested = [each["options"] for each in declared if "options" in each]
        if value is not None and (not declared or any(each.get("no_log") for each in declared)):
            shown[name] = HIDDEN
        elif nested and isinstance(value, Mapping):
            shown[name] = _shown(value, nested)
        elif nested and isinstance(value, list):
            shown[name] = [_shown(each, nested) if isinstance(each, Mapping) else HIDDEN for each in value]
        else:
            shown[name] = value
    return shown


def strings(value: Any) -> Iterator[str]:
    """Each text and number in a value, as Ansible hides them."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (list, tuple, set)):
        for each in value:
            yield from strings(each)
    elif value not in (None, "") and not isinstance(value, bool):
        yield str(value)
        if isinstance(value, float) and value.is_integer():
            yield str(int(value))  # as it was given: Ansible collects what it hides before it converts
