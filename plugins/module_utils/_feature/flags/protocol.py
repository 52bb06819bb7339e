# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a feature flag provider is: where flag definitions live and how one service reads a percentage.

A definition is the provider's own JSON value. Nobody else looks into it, so that what was recorded
before a rollout is put back as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

Definition = Mapping[str, Any]


@dataclass(frozen=True)
class FlagState:
    """A flag as an operator sees it.

    ``partial`` is on for a percentage; ``custom`` has rules or variants of its owner's that are no
    percentage (then it is None); ``absent`` is not defined.
    """

    state: Literal["on", "off", "partial", "custom", "absent"]
    percentage: float | None


class FlagProvider(Protocol):
    """One flag service.

    Args:
        NAME: the provider's name, by which users choose it.
        OPTIONS: its own options, declared as in an AnsibleModule's ``argument_spec``.
        options: these options, validated and converted as ``OPTIONS`` declares them.
    """

    NAME: ClassVar[str]
    OPTIONS: ClassVar[Mapping[str, Any]]

    def __init__(self, options: Mapping[str, Any]) -> None: ...

    def validate(self) -> None:
        """Raise StrataError for options that cannot work; asks no service and opens no file."""

    def read(self) -> Mapping[str, Definition]:
        """All flags by name."""

    def describe(self, definition: Definition | None) -> FlagState:
        """The state in which a definition puts its flag; None means that the flag does not exist."""

    def revise(self, name: str, definition: Definition | None, percentage: float) -> Definition:
        """The definition that turns the flag on for ``percentage`` of the users (0 = off), keeping the rest of it.

        Raises:
            StrataError: this flag cannot be switched, or not this finely.
        """

    def ensure_writable(self, names: Iterable[str]) -> None:
        """Raise StrataError where `write` is bound to fail; changes nothing."""

    def alone(self) -> AbstractContextManager[None]:
        """Keep others from writing, as far as the service can, while flags are read and then written."""

    def write(self, definitions: Mapping[str, Definition | None]) -> None:
        """Set these flags, removing those that are None, and touch no other; only within `alone`."""
