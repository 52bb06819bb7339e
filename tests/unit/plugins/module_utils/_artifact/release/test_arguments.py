# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a module's parameters may be in its answer."""

from __future__ import annotations

from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.arguments import (
    conceal,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.providers import HIDDEN


def concealed(**parameters: Any) -> tuple[set[str], dict[str, Any]]:
    hidden = {"https://h/shop.tar.gz", "anything that Ansible would hide"}
    conceal(hidden, parameters)
    return hidden, parameters


def test_without_a_secret_nothing_is_hidden() -> None:
    hidden, parameters = concealed(url="https://h/shop.tar.gz", checksum="sha256:12", headers={})
    assert hidden == set()
    assert parameters["url"] == "https://h/shop.tar.gz"


def test_passwords_and_what_is_secret_in_urls_are_hidden() -> None:
    hidden, _parameters = concealed(
        url="https://anna:s3cret-1@h/a",
        password="s3cret-2",
        signature={"url": "https://h/a.sig?key=s3cret-3"},
        health={"url": "http://u:s3cret-4@h/"},
        service={"address": "unix://u:s3cret-5@/run/s.sock"},
        container={"registry": {"password": "s3cret-6"}},
    )
    shown = " ".join(hidden)
    assert [number for number in range(1, 7) if f"s3cret-{number}" not in shown] == []


def test_headers_are_hidden_by_themselves_and_long_words_of_them_everywhere() -> None:
    hidden, parameters = concealed(headers={"Authorization": "Bearer abcdefgh", "X-One": "1"})
    assert parameters["headers"] == {"Authorization": HIDDEN, "X-One": HIDDEN}
    assert hidden >= {"Bearer abcdefgh", "Bearer", "abcdefgh", "YWJjZGVmZ2g="}
    assert "1" not in hidden


def test_a_login_is_hidden_as_basic_authentication_has_it() -> None:
    hidden, _parameters = concealed(username="anna", password="s3cret/1")
    assert hidden >= {"s3cret/1", "s3cret%2F1", "YW5uYTpzM2NyZXQvMQ=="}


def test_a_password_of_a_few_letters_does_not_blot_out_parts_of_words() -> None:
    hidden, _parameters = concealed(password="on")
    assert "on" not in hidden


def test_the_words_of_the_quiesce_command_are_not_shown() -> None:
    hidden, parameters = concealed(quiesce=["drain", "--token", "s3cret"])
    assert parameters["quiesce"] == HIDDEN
    assert "drain" not in hidden
