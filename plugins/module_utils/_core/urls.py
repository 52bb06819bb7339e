# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""URLs that carry credentials: used as given, shown and recorded without them."""

from __future__ import annotations

import base64
import ipaddress
import re
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

_USERINFO = re.compile(r"(?<=://)[^/\s'\"]*@")
_NOT_ENCODED = re.compile(r"[^!-~]")
_NOT_IN_A_HOST = re.compile(rb"[\0-\x20/@\[\]\x7f]")
LONGEST_NAME = 253


def _split(url: str) -> SplitResult:
    """Like urlsplit, with an error that does not quote the URL."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 (reading it is what validates it)
    except ValueError:
        raise StrataError("A URL cannot be read: its host or port is malformed.") from None
    return parts


def validate_http(url: str, what: str = "URL", *, also: str = "") -> None:
    """Raise StrataError, without a secret in it, unless ``url`` is an http(s) URL with a host.

    Args:
        what: how the error calls it.
        also: what it may be instead, as the end of the error's sentence.
    """
    parts = _split(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise StrataError(
            f"The {what} {shown(url)!r} is not of the form http://HOST[:PORT]/PATH or https://...{also}."
        )
    if _NOT_ENCODED.search(url):
        raise StrataError(
            f"The {what} {shown(url)!r} has a space or another character in it that a URL cannot have:"
            " percent-encode it, and write a host name in its ASCII form, xn--..."
        )
    validate_host(parts.hostname, f"{what} {shown(url)!r}")


def validate_host(host: str, what: str) -> None:
    """Raise StrataError unless ``host`` is an IP address or can be looked up as a DNS name.

    Args:
        what: how the error calls what has the host.
    """
    if not _is_host(host):
        raise StrataError(
            f"The host {host[:80]!r} of the {what} is not valid. Give an IP address, or a DNS name whose labels have 1 to "
            f"63 characters each, and at most {LONGEST_NAME} in all."
        )


def _is_host(host: str) -> bool:
    """Whether it can be looked up: Python raises UnicodeError, which is no OSError, for labels that DNS cannot have."""
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        if ":" in bare or bare != host:
            ipaddress.IPv6Address(bare)
            return True
        if len(bare) > LONGEST_NAME:
            return False
        encoded = bare.removesuffix(".").encode("idna")
    except ValueError:
        return False
    return 0 < len(encoded) <= LONGEST_NAME and not _NOT_IN_A_HOST.search(encoded)


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


def conceal(no_log_values: set[str], *urls: str | None) -> None:
    """Leave of URLs only what is secret in them among the values that Ansible blots out of an answer.

    Options that take a URL are ``no_log``, for a module is logged on its host before it can say what is
    secret; but that alone would blot out of every message a URL that may well be read.
    """
    no_log_values.difference_update(url for url in urls if url)
    no_log_values.update(*(secrets_in(url) for url in urls))


def credentials(url: str) -> tuple[str, dict[str, str]]:
    """Split a URL into one without user and password, and the headers that carry these instead."""
    parts = _split(url)
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))
    if parts.username is None:
        return bare, {}
    return bare, {"Authorization": basic(unquote(parts.username), unquote(parts.password or ""))}


def basic(user: str, password: str) -> str:
    """Basic authentication, as the header's value."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")


def masked(text: str) -> str:
    """Text that others wrote, a log for instance, with the credentials in its URLs blotted out."""
    return _USERINFO.sub("***@", text)
