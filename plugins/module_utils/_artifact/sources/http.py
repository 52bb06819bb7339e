# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file on a web server, taken up again where the connection breaks (RFC 9110, sections 13 and 14)."""

from __future__ import annotations

import contextlib
import email.utils
import hashlib
import http.client
import posixpath
import random
import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any, Callable, ClassVar, TypeVar
from urllib.parse import unquote, urlsplit, urlunsplit

from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources.protocol import (
    Access,
    Stream,
    origin,
)
from ansible_collections.strata.deploy.plugins.module_utils._core import urls
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

BACKOFF = 0.5
LONGEST_WAIT = 60.0
CHUNK = 1024 * 1024
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)", re.ASCII)
# As S3, Google's and Azure's stores sign.
_SIGNED = re.compile(r"(?i)(?:^|[&-])sig(?:nature)?=")
_FOLLOWING = ("Accept", "If-range", "Range")
_T = TypeVar("_T")


class StatusError(StrataError):
    """An HTTP status that is an error; ``headers`` with lower-case names."""

    def __init__(self, shown: str, code: int, reason: str, headers: Mapping[str, str]) -> None:
        super().__init__(f"Fetching {shown}: the server answered {code} {reason}.")
        self.code = code
        self.headers = headers

    @property
    def transient(self) -> bool:
        return self.code == 429 or (self.code >= 500 and self.code != 501)


class BrokenError(StrataError):
    """What may go well another time."""


class Retries:
    """How often one artifact's download may still be tried again."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._made = 0

    def after(self, error: StrataError) -> None:
        """Wait until the next try is due.

        Raises:
            StrataError: the error itself, where it is none to try again after, or where that was done often enough.
        """
        status = error if isinstance(error, StatusError) else None
        if self._made >= self._limit or not (isinstance(error, BrokenError) or (status and status.transient)):
            raise error
        self._made += 1
        wait = BACKOFF * 2 ** (self._made - 1) * random.uniform(0.5, 1.5)  # noqa: S311 (no secret)
        asked = _seconds(status.headers.get("retry-after")) if status else None
        if asked is not None and asked > LONGEST_WAIT:
            raise error
        time.sleep(min(max(wait, asked or 0.0), LONGEST_WAIT))

    def run(self, attempt: Callable[[], _T]) -> _T:
        while True:
            try:
                return attempt()
            except StrataError as error:
                self.after(error)


def _seconds(retry_after: str | None) -> float | None:
    """What Retry-After asks for: seconds, or a date."""
    if retry_after is None:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(retry_after).timestamp() - time.time())
    except (LookupError, OverflowError, TypeError, ValueError):
        return None


def ask(method: str, url: str, access: Access, shown: str, plain: Mapping[str, str] | None = None) -> Any:
    """One request, redirects followed: the answer, to be closed.

    Args:
        plain: headers that no redirect is a reason to leave out.

    Raises:
        StatusError: the status is an error.
        StrataError: there is no answer.
    """
    bare, secret = urls.credentials(url)
    if access.username is not None:
        secret = {"Authorization": urls.basic(access.username, access.password or "")}
    request = urllib.request.Request(bare, headers=dict(plain or {}), method=method)  # noqa: S310 (http(s) only)
    for name, value in {**secret, **access.headers}.items():
        request.add_unredirected_header(name, str(value))
    try:
        with http_errors_named(shown):
            return _opener(bare, access).open(request, timeout=access.timeout)
    except StatusError as error:
        if error.code == http.client.FORBIDDEN and _SIGNED.search(urlsplit(bare).query):
            error.args = (f"{error} The URL is signed: has the signature expired?",)
        raise


@contextlib.contextmanager
def http_errors_named(shown: str) -> Iterator[None]:
    """What goes wrong with the network, as one of our errors."""
    try:
        yield
    except urllib.error.HTTPError as error:
        error.close()
        raise StatusError(
            shown,
            error.code,
            str(error.reason),
            {name.lower(): value for name, value in error.headers.items()},
        ) from None
    except urllib.error.URLError as error:
        raise _broken(shown, error.reason) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _broken(shown, error) from None


def _broken(shown: str, reason: Any) -> StrataError:
    if isinstance(reason, http.client.IncompleteRead):
        return BrokenError(f"Fetching {shown}: it was cut short. Try again.")
    # Only what OpenSSL says of a connection that ended is worth another try, not what it says of certificates.
    lasting = isinstance(reason, ssl.SSLError) and not isinstance(reason, ssl.SSLEOFError)
    lasting = lasting or not isinstance(reason, (OSError, http.client.HTTPException))
    lasting = lasting or isinstance(reason, http.client.InvalidURL)
    text = urls.masked(str(reason)) or type(reason).__name__
    return (StrataError if lasting else BrokenError)(f"Fetching {shown}: {text}.")


def _opener(url: str, access: Access) -> urllib.request.OpenerDirector:
    """Follows redirects and the host's proxies, but never to a file or an FTP server."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        _Https(url, access),
        urllib.request.HTTPDefaultErrorHandler(),
        _Redirect(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


class _Redirect(urllib.request.HTTPRedirectHandler):
    """Takes what is secret along only to the server that it was meant for."""

    http_error_308 = urllib.request.HTTPRedirectHandler.http_error_302

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request:
        kept = {name: value for name, value in req.headers.items() if name in _FOLLOWING}
        bare, _credentials = urls.credentials(newurl.replace(" ", "%20"))
        following = urllib.request.Request(bare, headers=kept, method=req.get_method())  # noqa: S310
        if origin(bare) == origin(req.full_url):
            following.unredirected_hdrs.update(
                {name: value for name, value in req.unredirected_hdrs.items() if name != "Host"}
            )
        return following


class _Https(urllib.request.HTTPSHandler):
    """Shows the client's certificate to the server alone that it was meant for."""

    def __init__(self, url: str, access: Access) -> None:
        super().__init__()
        self._own = origin(url)
        self._access = access

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        context = _context(self._access, client=origin(req.full_url) == self._own)
        return self.do_open(http.client.HTTPSConnection, req, context=context)


def _context(access: Access, client: bool) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=access.ca_path or None)
    except (OSError, ssl.SSLError) as error:
        raise StrataError(
            f"Reading the CA's certificates in {access.ca_path} on the host: {error}."
        ) from error
    if not access.validate_certs:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if client and access.client_cert:
        try:
            # A key with a passphrase is an error, and no question that nobody answers.
            context.load_cert_chain(access.client_cert, access.client_key or None, password="")
        except (OSError, ssl.SSLError) as error:
            raise StrataError(
                f"Reading the client certificate {access.client_cert} and its key on the host: {error}."
            ) from error
    return context


class Body:
    """See `Stream`: an answer's body, from as many answers as it takes.

    Args:
        renew: asks for another access where the one that there was has expired meanwhile.
    """

    digest: str | None = None
    manifest: str | None = None

    def __init__(
        self,
        url: str,
        access: Access,
        shown: str,
        seen: Callable[[], str],
        renew: Callable[[], Access] | None = None,
    ) -> None:
        self._renew = renew
        self._url = url
        self._access = access
        self._shown = shown
        self._seen = seen
        self._retries = Retries(access.retries)
        self._at = 0
        self._answer = self._retries.run(lambda: ask("GET", url, access, shown))
        self.size = _length(self._answer)
        self._validator = _validator(self._answer)

    def read(self, size: int) -> bytes:
        while True:
            try:
                with http_errors_named(self._shown):
                    data: bytes = self._answer.read(size)
                if data or size == 0 or self.size is None or self._at == self.size:
                    self._at += len(data)
                    return data
                raise BrokenError(
                    f"Fetching {self._shown}: it was cut short, {self._at} of {self.size} bytes came. Try again."
                )
            except BrokenError as error:
                self._retries.after(error)
                self._retries.run(self._go_on)

    def close(self) -> None:
        self._answer.close()

    def _go_on(self) -> None:
        self._answer.close()
        from_here = {"Range": f"bytes={self._at}-", "If-range": self._validator or ""}
        plain = from_here if self._at and self._validator else None
        try:
            self._answer = ask("GET", self._url, self._access, self._shown, plain)
        except StatusError as error:
            if error.code != 401 or not self._renew:
                raise
            self._access = self._renew()
            self._answer = ask("GET", self._url, self._access, self._shown, plain)
        if self._answer.status == http.client.PARTIAL_CONTENT:
            found = _CONTENT_RANGE.fullmatch(self._answer.headers.get("Content-Range", ""))
            if (
                not found
                or int(found[1]) != self._at
                or (self.size and found[2] not in ("*", str(self.size)))
                # A server that knows no If-Range sends a piece of whatever it has.
                or _validator(self._answer) not in (None, self._validator)
            ):
                raise self._changed()
            return
        length = _length(self._answer)
        if self._at == 0:
            self.size, self._validator = length, _validator(self._answer)
        elif length != self.size:
            raise self._changed()
        else:
            self._pass_over()

    def _pass_over(self) -> None:
        """What was read already is not taken back; so it must be the same again."""
        again, left = hashlib.sha256(), self._at
        while left:
            with http_errors_named(self._shown):
                data = self._answer.read(min(left, CHUNK))
            if not data:
                raise BrokenError(f"Fetching {self._shown}: it was cut short. Try again.")
            again.update(data)
            left -= len(data)
        if again.hexdigest() != self._seen():
            raise self._changed()

    def _changed(self) -> StrataError:
        return StrataError(
            f"Fetching {self._shown}: the connection broke, and then the server had another file there. Try again."
        )


def _length(answer: Any) -> int | None:
    length = answer.headers.get("Content-Length")
    # Python refuses to read a number of thousands of digits.
    return int(length) if length and length.isdecimal() and len(length) < 19 else None


def _validator(answer: Any) -> str | None:
    """What If-Range can tell this very file by; a weak ETag cannot."""
    etag: str | None = answer.headers.get("ETag")
    return etag if etag and not etag.startswith("W/") else answer.headers.get("Last-Modified")


def look_up(url: str, access: Access, shown: str) -> int | None:
    """The size of what is at an http(s) URL, where the server tells; StrataError if there is nothing."""

    def look(method: str) -> int | None:
        with ask(method, url, access, shown) as answer:
            return _length(answer)

    retries = Retries(access.retries)
    try:
        return retries.run(lambda: look("HEAD"))
    except StatusError as error:
        if error.code not in (403, 405, 501):
            raise
        # A server that knows no HEAD, or a URL that is signed for GET only.
        return retries.run(lambda: look("GET"))


class Http:
    """See `Provider`."""

    NAME: ClassVar[str] = "http"
    OPTIONS: ClassVar[Mapping[str, Any]] = {}
    SCHEMES: ClassVar[tuple[str, ...]] = ("http", "https")
    FORM: ClassVar[str] = "an http(s) URL"

    def validate(self, url: str) -> None:
        urls.validate_http(url, "artifact", also=", nor an absolute path")

    def shown(self, url: str) -> str:
        return urls.shown(url)

    def file_name(self, url: str) -> str:
        return unquote(posixpath.basename(urlsplit(url).path))

    def beside(self, url: str, suffix: str) -> str:
        parts = urlsplit(url)
        return urlunsplit(parts._replace(path=parts.path + suffix))

    def pinned(self, url: str) -> str | None:
        return None

    def look_up(self, url: str, access: Access) -> int | None:
        return look_up(url, access, self.shown(url))

    @contextlib.contextmanager
    def open(self, url: str, access: Access, seen: Callable[[], str]) -> Iterator[Stream]:
        body = Body(url, access, self.shown(url), seen)
        try:
            yield body
        finally:
            body.close()
