# SPDX-License-Identifier: GPL-3.0-or-later
"""What the source ``oci`` refuses, and what it reads from a registry's answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable

import pytest
from fixtures.oci import LIMIT, descriptor, digest, get, manifest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources import (
    Source,
    fetch,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

TITLE = "org.opencontainers.image.title"
SHOP, DOCS = b"shop" * 300_000, b"docs" * 1000


ONE = manifest(descriptor(SHOP))


@pytest.mark.parametrize(
    "challenge",
    [
        'Bearer realm="http://tokens.example.com/t",service="s"',
        'Bearer realm="file:///etc/passwd"',
        'Bearer realm="https://[tokens/t",service="s"',
        'Bearer realm="https://tokens:port/t",service="s"',
        'Bearer realm="https://tokens..example.com/t",service="s"',
        "Negotiate",
        "",
    ],
)
def test_a_password_is_not_told_to_whom_it_cannot_be(
    serve: Callable[..., Any], tmp_path: Path, challenge: str
) -> None:
    web = serve(statuses=[(401, {"WWW-Authenticate": challenge})] * 2)
    with pytest.raises(StrataError, match="answered 401"):
        get(f"oci://localhost:{web.port}/team/shop:one", tmp_path, username="anna", password="s3cret")
    assert len(web.seen) == 1


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{}",
        b"5",
        b"null",
        b'"layers"',
        b"<html>",
        b"\xff",
        b"[" * 100_000,
        b'{"layers": 1}',
        b'{"layers": [{"digest": 1}]}',
        b'{"layers": [{}]}',
        json.dumps({"layers": [{**descriptor(SHOP), "annotations": {TITLE: 5}}] * 2}).encode(),
        json.dumps({"layers": [{**descriptor(SHOP), "annotations": {TITLE: []}}]}).encode(),
        json.dumps({"layers": [{**descriptor(SHOP), "annotations": "x"}]}).encode(),
    ],
    ids=range(15),
)
def test_what_is_no_manifest_is_an_error(serve: Callable[..., Any], tmp_path: Path, text: bytes) -> None:
    web = serve(files={"/v2/shop/manifests/1": text})
    with pytest.raises(StrataError, match="no manifest of an artifact"):
        get(f"oci://localhost:{web.port}/shop:1", tmp_path)


def test_a_broken_layer_is_taken_up_and_its_redirect_gets_no_token(
    serve: Callable[..., Any], tmp_path: Path
) -> None:
    # What hosted registries do, with servers of the tests' own.
    cdn = serve(files={"/blob": SHOP}, cuts=[1000])
    web = serve(
        files={"/v2/shop/manifests/1": ONE},
        redirects={f"/v2/shop/blobs/{digest(SHOP)}": (307, cdn.url("/blob"))},
        statuses=[(401, {"WWW-Authenticate": "Basic realm=x"})],
    )
    source = Source(f"oci://anna:s3cret@localhost:{web.port}/shop:1", "unverified")
    fetch(source, tmp_path / "got", LIMIT)
    assert (tmp_path / "got").read_bytes() == SHOP
    assert cdn.asked == [None, "bytes=1000-"]
    assert ["authorization" in headers for _method, _path, headers in web.seen] == [False, True, True, True]
    assert all("authorization" not in headers for _method, _path, headers in cdn.seen)


def test_a_download_outlives_its_token(serve: Callable[..., Any], tmp_path: Path) -> None:
    blob = f"/v2/shop/blobs/{digest(SHOP)}"
    web = serve(files={"/v2/shop/manifests/1": ONE, blob: SHOP, "/token": b'{"token": "first"}'})
    refusal = (401, {"WWW-Authenticate": f'Bearer realm="{web.url("/token")}"'})
    # The token and the manifest come whole.
    web.statuses, web.cuts = [refusal], [None, None, 1000]

    def expire() -> None:
        web.files["/token"] = b'{"token": "second"}'
        web.statuses = [refusal, refusal]

    web.after_cut = expire
    fetch(Source(f"oci://localhost:{web.port}/shop:1", "unverified"), tmp_path / "got", LIMIT)
    assert (tmp_path / "got").read_bytes() == SHOP
    asked = [
        (headers.get("authorization"), headers.get("range")) for _, path, headers in web.seen if path == blob
    ]
    assert asked == [
        ("Bearer first", None),
        ("Bearer first", "bytes=1000-"),
        ("Bearer second", "bytes=1000-"),
    ]


@pytest.mark.parametrize(
    "url",
    [
        "oci://h",
        "oci://h/",
        "oci:///shop:1",
        "oci://h/Shop:1",
        "oci://h/shop:",
        "oci://h/shop:1:2",
        "oci://h/../shop:1",
        "oci://h/shop@sha256:12",
        "oci://h/shop@md5:" + "0" * 32,
        "oci://h/shop:1?x=s3cret",
        "oci://h/shop/:1\n",
        "oci://h:port/shop:1",
        "oci://a..h/shop:1",
        f"oci://{'h' * 64}/shop:1",
    ],
)
def test_what_is_no_reference_is_refused(url: str) -> None:
    with pytest.raises(StrataError, match="oci://") as raised:
        Source(url, "unverified").validate()
    assert "s3cret" not in str(raised.value)
