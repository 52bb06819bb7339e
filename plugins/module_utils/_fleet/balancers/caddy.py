# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Caddy by its admin API: the upstreams of one reverse_proxy handler.

Protocol: https://caddyserver.com/docs/api and https://caddyserver.com/docs/json/apps/http/.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, ClassVar, NamedTuple

from ansible_collections.strata.deploy.plugins.module_utils._core import http, json_text, urls
from ansible_collections.strata.deploy.plugins.module_utils._core.durable import write_text
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._fleet.balancers.protocol import (
    DOWN,
    DRAINED,
    MAINTENANCE,
    OUT_OF_ROTATION,
    READY,
    Definition,
    Member,
)

ADMIN_TIMEOUT = 10.0  # a change is answered once the new configuration runs
ADMIN_ATTEMPTS = 4
ADMIN_PAUSE = 0.05
EDIT_ATTEMPTS = 10
NOWHERE = "unix//nonexistent/"  # a dial address that fails at once, and still tells whose place it is
SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

Upstream = Mapping[str, Any]

# The types of what is used of a handler, by path; Caddy leaves out what has Go's zero value, and null is the same.
TYPES: Mapping[tuple[str, ...], tuple[type, ...]] = {
    ("upstreams",): (list,),
    ("transport",): (dict,),
    ("transport", "protocol"): (str,),
    ("load_balancing",): (dict,),
    ("load_balancing", "selection_policy"): (dict,),
    ("load_balancing", "selection_policy", "policy"): (str,),
    ("load_balancing", "selection_policy", "weights"): (list,),
    ("health_checks",): (dict,),
    ("health_checks", "active"): (dict,),
    ("health_checks", "active", "uri"): (str,),
    ("health_checks", "active", "path"): (str,),
    ("health_checks", "active", "port"): (int,),
    ("health_checks", "active", "upstream"): (str,),
    ("health_checks", "active", "method"): (str,),
    ("health_checks", "active", "headers"): (dict,),
    ("health_checks", "active", "body"): (str,),
    ("health_checks", "active", "interval"): (int, str),
    ("health_checks", "active", "timeout"): (int, str),
    ("health_checks", "active", "fails"): (int,),
    ("health_checks", "active", "passes"): (int,),
    ("health_checks", "active", "expect_status"): (int,),
}


class Slot(NamedTuple):
    """An upstream whose dial address is the content of a file, which Caddy reads at each request."""

    path: Path
    name: str
    drained: bool


class Caddy:
    """A reverse_proxy handler; its members are its upstreams, by dial address.

    An upstream that dials ``{file./PATH}`` is switched by that file, without a reload. Any other is
    removed from, and appended to, the handler's ``upstreams``, which makes Caddy reload.

    Args:
        options: ``address`` is the admin API's URL, ``pool`` the handler's ``@id``.
    """

    NAME: ClassVar[str] = "caddy"
    OPTIONS: ClassVar[Mapping[str, Any]] = {
        "address": {"type": "str", "required": True},
        "pool": {"type": "str", "required": True},
    }

    def __init__(self, options: Mapping[str, Any]) -> None:
        address, self._authorization = urls.credentials(options["address"])
        self._address = address.rstrip("/")
        self.pool: str = options["pool"]

    def validate(self) -> None:
        urls.validate_http(self._address, "address")
        if not re.fullmatch(r"[^/?#\s]+", self.pool):
            raise StrataError(f"'{self.pool}' cannot be the @id of a Caddy handler.")

    def read(self, owned: Mapping[str, Definition]) -> dict[str, Member]:
        handler, _etag = self._handler()
        upstreams = _states(handler)
        if _slots(handler):
            _require_retries(handler, self.pool)
        for name, definition in owned.items():
            upstreams.setdefault(name, (DRAINED, definition))

        sessions = self._counts(upstreams)
        with ThreadPoolExecutor(max_workers=16) as pool:
            health = dict(zip(upstreams, pool.map(lambda name: probe(handler, name), upstreams)))
        members = {}
        for name, (state, upstream) in upstreams.items():
            healthy, detail = health[name]
            if state == READY and healthy is False:
                state = DOWN
            members[name] = Member(state, sessions[name], healthy, detail, upstream)
        return members

    def sessions(self, names: Collection[str]) -> dict[str, int]:
        states = _states(self._handler()[0])
        return self._counts(
            [name for name in names if name not in states or states[name][0] in OUT_OF_ROTATION]
        )

    def _counts(self, names: Collection[str]) -> dict[str, int]:
        path = "/reverse_proxy/upstreams"
        entries = self._decoded("GET", path, self._request("GET", path))
        if not isinstance(entries, list) or not all(
            isinstance(entry, dict)
            and isinstance(entry.get("address"), str)
            and json_text.is_number(entry.get("num_requests"))
            for entry in entries
        ):
            raise self._unreadable(path, "a list of upstreams with their address and num_requests")
        counts: dict[str, int] = {}
        for entry in entries:
            counts[entry["address"]] = counts.get(entry["address"], 0) + entry["num_requests"]
        # A member that left the pool is counted under its bare address, without the network.
        return {name: max(counts.get(name, 0), counts.get(_bare(name), 0)) for name in names}

    def drain(self, names: Collection[str]) -> None:
        rest = set(names) - self._switch(names, lambda name: NOWHERE + name)
        if rest:
            self._edit(lambda upstreams: [entry for entry in upstreams if entry.get("dial") not in rest])

    def seconds_until_noticed(self, names: Collection[str]) -> float:
        handler, _etag = self._handler()
        active = _active_check(handler)
        if not active or not any(slot.name in names for slot in _slots(handler)):
            return 0.0  # after a reload, Caddy holds every upstream for healthy until a check fails
        return _seconds(active.get("interval"), 30.0) * max(1, active.get("passes") or 1)

    def restore(self, definitions: Mapping[str, Definition]) -> None:
        switched = self._switch(definitions, lambda name: name)
        rest = {name: {"dial": name, **entry} for name, entry in definitions.items() if name not in switched}
        if rest:
            self._edit(
                lambda upstreams: [
                    *upstreams,
                    *(
                        new
                        for name, new in rest.items()
                        if name not in {entry.get("dial") for entry in upstreams}
                    ),
                ]
            )

    def _switch(self, names: Collection[str], content: Callable[[str], str]) -> set[str]:
        """Write the slot files of those names that have one; which these are."""
        slots = [slot for slot in _slots(self._handler()[0]) if slot.name in names]
        for slot in slots:
            try:
                write_text(slot.path, content(slot.name) + "\n")
            except OSError as error:
                raise StrataError(
                    f"Writing {slot.path}, which says where Caddy finds {slot.name}: {error}. Run as a user "
                    "who may replace files in that folder."
                ) from error
        return {slot.name for slot in slots}

    def _edit(self, change: Callable[[list[Upstream]], list[Upstream]]) -> None:
        """Replace the upstreams, and start again whenever another change came first."""
        for _attempt in range(EDIT_ATTEMPTS):
            handler, etag = self._handler()
            if _weights(handler):
                raise StrataError(
                    f"Pool '{self.pool}' has the policy weighted_round_robin, whose weights go by position: without a member, "
                    "the others would get its weights. No upstream was removed or added. Switch the members by file, or use another policy."
                )
            body = json.dumps(change(handler.get("upstreams") or [])).encode()
            path = f"/id/{self.pool}/upstreams"
            answer = self._request(
                "PATCH", path, body, {"If-Match": etag, "Content-Type": "application/json"}
            )
            if answer.status == 200:
                return
            if answer.status != 412:
                raise self._refused("PATCH", path, answer)
        raise StrataError(
            f"Changing pool '{self.pool}' of Caddy at {self._address}: its configuration was changed by "
            f"somebody else {EDIT_ATTEMPTS} times in a row. Find out what changes it, and try again."
        )

    def _handler(self) -> tuple[dict[str, Any], str]:
        path = f"/id/{self.pool}"
        answer = self._request("GET", path)
        if answer.status == 404:
            raise StrataError(
                f'Caddy at {self._address} has no object with "@id": "{self.pool}". Give the reverse_proxy '
                "handler that id in Caddy's configuration, or correct the pool."
            )
        handler = self._decoded("GET", path, answer)
        if not isinstance(handler, dict) or handler.get("handler") != "reverse_proxy":
            raise StrataError(f"'{self.pool}' of Caddy at {self._address} is not a reverse_proxy handler.")
        wrong = _wrong_type(handler)
        if wrong:
            raise self._unreadable(path, f"a handler whose {wrong} has the type that Caddy documents")
        if handler.get("dynamic_upstreams"):
            raise StrataError(
                f"Pool '{self.pool}' of Caddy at {self._address} has dynamic_upstreams, which Caddy uses instead of its "
                "upstreams, so no member can be taken out. List the members as upstreams."
            )
        return handler, answer.headers.get("etag", "")

    def _decoded(self, method: str, path: str, answer: http.Response) -> Any:
        if answer.status != 200:
            raise self._refused(method, path, answer)
        try:
            return json_text.parse(answer.body)
        except ValueError as error:
            raise StrataError(
                f"{method} {self._address}{path} did not answer with JSON: is this Caddy's admin API?"
            ) from error

    def _unreadable(self, path: str, wanted: str) -> StrataError:
        return StrataError(
            f"GET {self._address}{path} did not answer with {wanted}: is this Caddy's admin API?"
        )

    def _refused(self, method: str, path: str, answer: http.Response) -> StrataError:
        return StrataError(
            f"Caddy refused {method} {self._address}{path} with status {answer.status}: {answer.text.strip()[:500]}"
        )

    def _request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> http.Response:
        """Ask, and ask again: each reload restarts the admin API too, and may reset a connection to it.

        A repeated PATCH does no harm: if the first one went through, its entity tag no longer matches.
        """
        url = self._address + path
        for attempt in range(ADMIN_ATTEMPTS):
            try:
                return http.request(
                    method,
                    url,
                    headers={**self._authorization, **(headers or {})},
                    body=body,
                    timeout=ADMIN_TIMEOUT,
                )
            except http.UnreachableError as error:
                failure = error
                if attempt + 1 < ADMIN_ATTEMPTS:
                    time.sleep(ADMIN_PAUSE)
        raise StrataError(
            f"Caddy's admin API does not answer: {failure}. Check that Caddy runs."
        ) from failure


def probe(handler: Mapping[str, Any], name: str) -> tuple[bool | None, str]:
    """Do the handler's own active health check on a member; None where it has none that can be done here.

    Caddy's answer to "is it healthy?" is no help: its gauge is up to 10 seconds old, says healthy after each
    reload, and a member that is out of the pool has none.
    """
    active = _active_check(handler)
    transport = handler.get("transport") or {}
    if not active or transport.get("protocol", "http") != "http" or "tls" in transport or "/" in _bare(name):
        return None, ""
    target = active.get("upstream") or _bare(name)
    if active.get("port") and not active.get("upstream"):
        target = f"{target.rpartition(':')[0]}:{active['port']}"
    url = f"http://{target}/{(active.get('uri') or active.get('path') or '/').lstrip('/')}"
    detail = ""
    for _attempt in range(max(1, active.get("fails") or 1)):
        try:
            answer = http.request(
                active.get("method") or "GET",
                url,
                headers={
                    header: values[0] for header, values in (active.get("headers") or {}).items() if values
                },
                body=active["body"].encode() if active.get("body") else None,
                timeout=_seconds(active.get("timeout"), 5.0),
            )
        except StrataError as error:
            detail = str(error)
            continue
        detail = f"GET {url}: {answer.status}"
        expected = active.get("expect_status") or 2
        if expected in (answer.status, answer.status // 100):
            return True, detail
    return False, detail


def _active_check(handler: Mapping[str, Any]) -> dict[str, Any] | None:
    active: dict[str, Any] = (handler.get("health_checks") or {}).get("active") or {}
    return active if active.get("uri") or active.get("path") or active.get("port") else None


def _states(handler: Mapping[str, Any]) -> dict[str, tuple[str, Upstream]]:
    """Each upstream by its member's name, with its state, to which the health check is still to be added."""
    weights = _weights(handler)
    states = {}
    for position, upstream in enumerate(handler.get("upstreams") or []):
        slot = _slot(upstream)
        state = DRAINED if slot and slot.drained else READY
        if state == READY and weights[position : position + 1] == [0]:  # never gets a request
            state = MAINTENANCE
        states[slot.name if slot else str(upstream.get("dial", ""))] = (state, upstream)
    return states


def _weights(handler: Mapping[str, Any]) -> list[Any]:
    """The weights of the upstreams, by position, where the policy has some."""
    policy = (handler.get("load_balancing") or {}).get("selection_policy") or {}
    return (policy.get("weights") or []) if policy.get("policy") == "weighted_round_robin" else []


def _wrong_type(handler: Mapping[str, Any]) -> str | None:
    """What in a handler does not have the type that is used here; None if all has."""
    for path, types in TYPES.items():
        value: Any = handler
        for name in path:
            value = (value or {}).get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, types)):
            return ".".join(path)
    for upstream in handler.get("upstreams") or []:
        if not isinstance(upstream, dict) or not isinstance(upstream.get("dial", ""), str):
            return "upstreams"
    active = _active_check(handler) or {}
    for values in (active.get("headers") or {}).values():
        if not isinstance(values or [], list) or not all(isinstance(each, str) for each in values or []):
            return "health_checks.active.headers"
    return None


def _slots(handler: Mapping[str, Any]) -> list[Slot]:
    return [slot for entry in handler.get("upstreams") or [] if (slot := _slot(entry))]


def _slot(upstream: Upstream) -> Slot | None:
    match = re.fullmatch(r"\{file\.(/[^{}]+)\}", str(upstream.get("dial", "")))
    if not match:
        return None
    path = Path(match[1])
    try:
        content = path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise StrataError(
            f"Reading {path}, from which Caddy learns a member's address: {error}. It must exist on the "
            "balancer's host as a text file, and this user must be able to read it."
        ) from error
    drained = content.startswith(NOWHERE)
    name = content[len(NOWHERE) :] if drained else content
    if not name:
        raise StrataError(
            f"{path}, from which Caddy learns a member's address, is empty. Write HOST:PORT into it."
        )
    return Slot(path, name, drained)


def _require_retries(handler: Mapping[str, Any], pool: str) -> None:
    balancing = handler.get("load_balancing") or {}
    if not balancing.get("try_duration") and not balancing.get("retries"):
        raise StrataError(
            f"Pool '{pool}' has members that are switched by file, and no load_balancing.try_duration: the "
            "requests that meet a drained one before a health check does would fail. Set it to 5s in Caddy."
        )


def _bare(dial: str) -> str:
    return re.sub(r"^tcp[46]?/", "", dial)


def _seconds(duration: object, default: float) -> float:
    """Caddy's durations: nanoseconds, or text such as 1m30s."""
    if isinstance(duration, (int, float)):
        return duration * 1e-9 or default
    parts = re.findall(r"([\d.]+)([a-zµ]+)", duration) if isinstance(duration, str) else []
    return sum(float(number) * SECONDS.get(unit, 1.0) for number, unit in parts) or default
