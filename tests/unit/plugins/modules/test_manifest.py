# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from typing import Any, Callable

import pytest

Run = Callable[..., dict[str, Any]]


@pytest.mark.parametrize("port", ["8080", "none"], ids=["a right one", "a malformed one"])
def test_what_is_secret_in_a_url_is_in_no_answer_nor_in_the_controllers_log(
    run_module: Run, logged: list[str], port: str
) -> None:
    host = f"anna:s3cret-word@artifacts.example.com:{port}"
    asked = {
        "app": "shop",
        "layers": ["artifact"],
        "version": "2.0",
        "url": f"https://{host}/shop.tar.gz?X-Amz-Signature=s3cret-signature",
        "checksum": f"https://{host}/SHA256SUMS?token=s3cret-token",
    }
    answer = run_module("manifest", asked)
    assert answer["failed"] == (port == "none")
    assert "s3cret" not in json.dumps(answer)
    assert len(logged) == 1
    assert "s3cret" not in logged[0]


def test_a_url_without_a_secret_is_readable(run_module: Run) -> None:
    url = "https://artifacts.example.com/shop.tar.gz"
    asked = {"app": "shop", "layers": ["artifact"], "version": "2.0", "url": url, "checksum": "unverified"}
    assert run_module("manifest", asked)["invocation"]["module_args"]["url"] == url
