# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every database system's provider has: its options and its verbs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Protocol

from ansible_collections.strata.deploy.plugins.module_utils._database.databases.address import Address, Client
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import Database
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.dbmate_url import Dbmate
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.dump import Dump
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.tool_session import (
    ToolSession,
)


class DatabaseSystem(Protocol):
    """A database system. It has no state; a connection is a `Database`.

    Attributes:
        NAME: the value of ``connection.system``.
        OPTIONS: the options of ``connection``, declared as in an AnsibleModule's ``argument_spec``.
        SCHEMES: of the URLs that mean this system.
        DUMP: how a backup is made.
        DBMATE: how the tool dbmate reaches it; None where it cannot.
        TOOL_SESSION: what tools set on their own connections; None where these are left as they are.
    """

    NAME: ClassVar[str]
    OPTIONS: ClassVar[Mapping[str, Any]]
    SCHEMES: ClassVar[Sequence[str]]
    DUMP: ClassVar[Dump]
    DBMATE: ClassVar[Dbmate | None]
    TOOL_SESSION: ClassVar[ToolSession | None]

    @staticmethod
    def locate(url: str, given: Mapping[str, str], environ: Mapping[str, str]) -> Address:
        """The address of a database.

        Args:
            url: a URL of one of the schemes; "" where there is none.
            given: the options that are given, validated, each as text; they go before the same part of the URL.
            environ: has the password as `PASSWORD_VARIABLE` where nothing else has it.

        Raises:
            StrataError: something is missing, malformed or contradicts another; no password is shown.
        """

    @staticmethod
    def connect(address: Address, *, read_only: bool, application: str) -> Database:
        """Connect; a ``read_only`` connection cannot write, and does not create the database.

        Args:
            application: what another migrator is shown that finds the database locked.

        Raises:
            StrataError: it failed; no password is shown.
        """

    @staticmethod
    def client(address: Address) -> AbstractContextManager[Client]:
        """What the system's client programs need to connect while this lasts, with no password on a command line."""
