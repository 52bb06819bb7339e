# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users who read and write on Kinto, for bench/load.py.

Half of the requests are writes, and they go to each balancer in turn. A user has a collection of its own: it creates records
there, replaces and deletes some, gets one, and lists the latest, whichever balancer took the writes. Nobody else writes to
that collection, so what each answer must be is known from what was acknowledged before. The report ``acknowledged`` lists
what the database must hold in the end.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import load

BUCKET = "load"
# Seven of either: with an even number, each kind would go to one of two balancers only.
WRITES = ("create", "update", "create", "update", "update", "create", "delete")
READS = ("read", "read", "read", "read", "read", "read", "list")
LISTED = 10
HEADERS = {
    "Authorization": "Basic " + base64.b64encode(b"load:load").decode(),
    "Content-Type": "application/json",
}


@dataclass(frozen=True)
class Request:
    """What is asked of a record: to have this revision from now on, to be gone, or to be what it was left as.

    Without a revision, a record that is read must be gone. A list is of no record.
    """

    kind: str
    record: str | None
    revision: int | None


class Records:
    """What must be there: the revision in which each record was last acknowledged, the latest one last.

    A deleted one has none. A write that failed may have happened, or may happen yet, so its record is not judged any more:
    it is not here.
    """

    def __init__(self) -> None:
        self.revisions: dict[str, int | None] = {}

    def write(self, record: str, revision: int | None, acknowledged: bool) -> None:
        self.revisions.pop(record, None)
        if acknowledged:
            self.revisions[record] = revision

    def living(self) -> list[tuple[str, int | None]]:
        return [(record, revision) for record, revision in self.revisions.items() if revision is not None]


class Reader:
    """One user, who has a collection of its own, so that the answers can be foreseen.

    Users who shared one would get errors without any deployment: Kinto refuses one of two writes to the same collection in
    the same millisecond with 409 "please retry".
    """

    def __init__(self, number: int, options: load.Options) -> None:
        self._collection = f"client-{number}"
        self._prefix = f"{self._collection}_{options.run}"
        self._path = f"/v1/buckets/{BUCKET}/collections/{self._collection}"
        self._records = Records()
        self._urls = options.urls
        self.client = load.Client(options.urls, options.log, headers=HEADERS)

    def prepare(self) -> None:
        """Make the bucket and the collection, which may be there.

        Raises:
            LoadError: a balancer does not lead to a Kinto that lets us.
        """
        for path in (f"/v1/buckets/{BUCKET}", self._path):
            for number, url in enumerate(self._urls):
                try:
                    answer = self.client.exchange("PUT", path, "{}", url=number)
                except (OSError, http.client.HTTPException) as error:
                    raise load.LoadError(f"PUT {url}{path}: {type(error).__name__}: {error}") from error
                if answer.status not in (200, 201):
                    raise load.LoadError(f"PUT {url}{path}: {answer.status} {answer.excerpt}")

    def act(self, number: int, due: float) -> None:
        """Do this user's request of this number, which was due at this time of the monotonic clock."""
        self.ask(kind_of(number), number, due)

    def ask(self, kind: str, number: int, due: float) -> None:
        """Do a request of this kind, or create a record if no record exists yet."""
        turn = number // 2
        request = self._choose(kind, turn) or Request("create", f"{self._prefix}_{number}", 1)
        answer = self.client.ask(
            request.kind,
            *self._to_send(request),
            due=due,
            body=self._body(request),
            url=turn % len(self._urls),
            write=request.kind in WRITES,
            check=lambda answer: _problem(request, answer, self._records),
            record=request.record,
            revision=request.revision,
        )
        if request.record is not None and request.kind in WRITES:
            self._records.write(request.record, request.revision, answer is not None)

    def _choose(self, kind: str, turn: int) -> Request | None:
        if kind == "list":
            return Request(kind, None, None)
        known = list(self._records.revisions.items()) if kind == "read" else self._records.living()
        if kind == "create" or not known:
            return None
        # The latest, then one further back, then one from anywhere.
        back = (0, min(50, len(known) - 1), turn * 7919 % len(known))[turn % 3]
        record, revision = known[-1 - back]
        if kind == "read":
            return Request(kind, record, revision)
        return Request(kind, record, (revision or 0) + 1 if kind == "update" else None)

    def _to_send(self, request: Request) -> tuple[str, str]:
        if request.record is None:
            return "GET", f"{self._path}/records?_limit={LISTED}&_sort=-last_modified"
        path = f"{self._path}/records/{request.record}"
        return {"read": "GET", "delete": "DELETE"}.get(request.kind, "PUT"), path

    def _body(self, request: Request) -> str | None:
        if request.record is None or request.kind in ("read", "delete"):
            return None
        return json.dumps({"data": data_of(request.record, request.revision)})


def users(options: load.Options) -> list[load.User]:
    readers = [Reader(number, options) for number in range(options.clients)]
    for reader in readers:
        reader.prepare()
    return load.evenly([reader.act for reader in readers], options.rate)


def kind_of(number: int) -> str:
    """What a user's request of this number is: writes and reads in turn."""
    kinds = READS if number % 2 else WRITES
    return kinds[number // 2 % len(kinds)]


def data_of(record: str, revision: int | None) -> dict[str, Any]:
    """What a record holds: it follows from both, so that another's or an older content is seen to be one."""
    return {"content": hashlib.sha256(f"{record} {revision}".encode()).hexdigest(), "revision": revision}


def acknowledged(entries: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any] | None]:
    """What each record must hold in the end, null if it must be gone; without those of which that is not known."""
    records = Records()
    for entry in entries:
        if entry["write"]:
            records.write(entry["record"], entry["revision"], entry["error"] is None)
    return {
        record: None if revision is None else data_of(record, revision)
        for record, revision in records.revisions.items()
    }


REPORTS = {"acknowledged": acknowledged}


def _problem(request: Request, answer: load.Answer, records: Records) -> str | None:
    """Why this is not the answer that was due; None if it is."""
    if answer.status != _status_due(request):
        return f"status {answer.status}: {answer.excerpt}"
    if answer.status == 404:
        return None  # it is gone, as it should be
    try:
        data = json.loads(answer.body)["data"]
        if request.record is None:
            right = _lists(data, records)
        elif request.kind == "delete":
            right = data["deleted"] is True
        else:
            right = _held(data) == data_of(request.record, request.revision)
    except (ValueError, KeyError, TypeError):
        return f"the answer is not what Kinto gives: {answer.excerpt}"
    what = "the list" if request.record is None else "the record"
    return None if right else f"{what} has another content: {answer.excerpt}"


def _status_due(request: Request) -> int:
    """An update that creates, or a deleted record that is found, tells of a write that was lost."""
    if request.kind == "read" and request.revision is None:
        return 404
    return 201 if request.kind == "create" else 200


def _lists(rows: Any, records: Records) -> bool:
    """Whether these are the collection's latest records; some may be of an earlier run, or of a write that failed."""
    if not isinstance(rows, list):
        raise TypeError("not a list")
    judged = [(row["id"], _held(row)) for row in rows if row["id"] in records.revisions]
    places = max(0, LISTED - (len(rows) - len(judged)))
    latest = records.living()[::-1][:places]
    return judged == [(record, data_of(record, revision)) for record, revision in latest]


def _held(data: Mapping[str, Any]) -> dict[str, Any]:
    """A record's content, without what Kinto adds to it."""
    return {"content": data["content"], "revision": data["revision"]}
