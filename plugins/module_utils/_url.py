# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""URLs that carry credentials: used as given, shown and recorded without them."""

from __future__ import annotations

import base64
import re
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from ansible_collections.strata.deploy.plugins.module_utils._errors import StrataError

_USERINFO = re.compile(r"(?<=://)[^/\s'\"]*@")


def _split(url: str) -> SplitResult:
    """Like urlsplit, with an error that does not quote the URL."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 (reading it is what validates it)
    except ValueError:
        raise StrataError("A URL cannot be read: its host or port is malformed.") from None
    return parts


def shown(url: str) -> str:
    """The URL for people and records: without user, password, query and fragment."""
    try:
        parts = _split(url)
    except StrataError:
        return "(a malformed URL)"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def secrets_in(url: str | None) -> set[str]:
    """What must not be shown of a URL: the whole of it, its password and its query, where it has them."""
    try:
        parts = _split(url or "")
    except StrataError:
        return {url or ""}
    if "@" not in parts.netloc and not parts.query:
        return set()
    password = parts.password or ""
    return {url or "", password, unquote(password), parts.query} - {""}


def credentials(url: str) -> tuple[str, dict[str, str]]:
    """Split a URL into one without user and password, and the headers that carry these instead."""
    parts = _split(url)
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))
    if parts.username is None:
        return bare, {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return bare, {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode("ascii")}


def masked(text: str) -> str:
    """Text that others wrote, a log for instance, with the credentials in its URLs blotted out."""
    return _USERINFO.sub("***@", text)
