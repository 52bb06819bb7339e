# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._core.providers import (
    Provider,
    choose,
    conceal,
    secrets,
)


class Disk:
    NAME: ClassVar[str] = "disk"
    OPTIONS: ClassVar[Mapping[str, Any]] = {
        "folder": {"type": "path", "required": True},
        "mode": {"type": "str"},
    }


class Server:
    NAME: ClassVar[str] = "server"
    OPTIONS: ClassVar[Mapping[str, Any]] = {
        "address": {"type": "str", "required": True},
        "mode": {"type": "str", "choices": ["fast", "safe"], "default": "safe"},
        "password": {"type": "str", "no_log": True},
        "pin": {"type": "int", "no_log": True},
        "port": {"type": "int", "default": 80},
        "login": {
            "type": "dict",
            "options": {
                "token": {"type": "str", "no_log": True, "required": True},
                "user": {"type": "str", "default": "deploy"},
            },
        },
        "mirrors": {
            "type": "list",
            "elements": "dict",
            "options": {"url": {"type": "str", "required": True}, "key": {"type": "str", "no_log": True}},
        },
    }


PROVIDERS: Mapping[str, type[Provider]] = {Disk.NAME: Disk, Server.NAME: Server}


def refused(given: Any) -> str:
    with pytest.raises(StrataError) as refusal:
        choose("store", PROVIDERS, given)
    return str(refusal.value)


def test_a_providers_own_options_are_converted_and_filled_in() -> None:
    provider, options = choose("store", PROVIDERS, {"provider": "server", "address": "a", "port": "81"})
    assert provider is Server
    assert options == {
        "address": "a",
        "mode": "safe",
        "password": None,
        "pin": None,
        "port": 81,
        "login": None,
        "mirrors": None,
    }


def test_the_dictionary_stays_as_it_was_given() -> None:
    given = {"provider": "server", "address": "a", "login": {"token": "t0k3n", "user": None}}
    _provider, options = choose("store", PROVIDERS, given)
    assert options["login"] == {"token": "t0k3n", "user": "deploy"}
    assert given == {"provider": "server", "address": "a", "login": {"token": "t0k3n", "user": None}}


def test_another_key_may_name_the_provider() -> None:
    provider, options = choose("store", PROVIDERS, {"format": "disk", "folder": "/srv"}, key="format")
    assert provider is Disk
    assert options == {"folder": "/srv", "mode": None}


def test_an_option_that_is_null_is_not_given() -> None:
    _provider, options = choose("store", PROVIDERS, {"provider": "server", "address": "a", "port": None})
    assert options["port"] == 80
    assert "missing required arguments: address" in refused({"provider": "server", "address": None})


def test_an_empty_list_of_nested_options_is_given() -> None:
    _provider, options = choose("store", PROVIDERS, {"provider": "server", "address": "a", "mirrors": []})
    assert options["mirrors"] == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "The store is not named. Set 'provider' to one of: disk, server."),
        ({"provider": None}, "The store is not named. Set 'provider' to one of: disk, server."),
        ("disk", "The store is not a dictionary. Set 'provider' in it to one of: disk, server."),
        ({"provider": "sever"}, "There is no store 'sever' (did you mean 'server'? known: disk, server)."),
        ({"provider": "s3"}, "There is no store 's3' (known: disk, server)."),
        ({"provider": ["s3"]}, "There is no store '['s3']' (known: disk, server)."),
        (
            {"provider": "disk", "folder": "/srv", "foldr": "/srv", "address": "a"},
            "The options of the store 'disk' are not valid:"
            " 'foldr' is unknown (did you mean 'folder'? known: folder, mode);"
            " 'address' is unknown (known: folder, mode).",
        ),
    ],
)
def test_a_message_says_what_is_known(given: Any, message: str) -> None:
    assert refused(given) == message


def test_all_problems_are_told_at_once() -> None:
    message = refused(
        {
            "provider": "server",
            "adress": "a",
            "mode": "slow",
            "port": "www",
            "login": {"toekn": "t"},
            "mirrors": [{"url": "b"}, {"urll": "c"}],
            7: "seven",
        }
    )
    for problem in (
        "'adress' is unknown (did you mean 'address'?",
        "missing required arguments: address",
        "value of mode must be one of: fast, safe, got: slow",
        "argument 'port' is of type",
        "'login.toekn' is unknown (did you mean 'login.token'?",
        "missing required arguments: token found in login",
        "'mirrors[1].urll' is unknown (did you mean 'mirrors[1].url'?",
        "missing required arguments: url found in mirrors",
        "'7' is unknown",
    ):
        assert problem in message


@pytest.mark.parametrize("value", ["not a dictionary", ["a"], [["a"]], [5], 5, True, []])
def test_a_nested_option_of_the_wrong_type_is_a_message_too(value: Any) -> None:
    assert "login" in refused({"provider": "server", "address": "a", "login": value})
    if value == []:
        return  # a list of nothing
    assert "mirrors" in refused({"provider": "server", "address": "a", "mirrors": value})


def test_a_message_does_not_have_the_value_of_a_secret() -> None:
    message = refused({"provider": "server", "address": "a", "pin": "hunter2"})
    assert "argument 'pin'" in message
    assert "hunter2" not in message


SECRET: list[Any] = [
    ({"provider": "server", "user": "anna", "password": "pw"}, {"pw", "YW5uYTpwdw=="}),
    ({"provider": "server", "address": "a", "password": "hunter2", "pin": 1234}, {"hunter2", "1234"}),
    ({"provider": "server", "login": {"token": "t0k3n", "user": "anna"}}, {"t0k3n"}),
    ({"provider": "server", "login": "token=t0k3n"}, {"token=t0k3n"}),
    ({"provider": "server", "mirrors": [{"url": "b", "key": "k3y"}, {"url": "c"}]}, {"k3y"}),
    ({"provider": "sever", "address": "a", "password": "hunter2"}, {"hunter2"}),
    ({"password": "hunter2"}, {"hunter2"}),
    ({"provider": "disk", "folder": "/srv"}, set()),
]


@pytest.mark.parametrize(("given", "found"), SECRET, ids=[repr(given) for given, _found in SECRET])
def test_secret_is_what_the_provider_declares(given: dict[str, Any], found: set[str]) -> None:
    assert secrets(PROVIDERS, given) == found


def test_a_module_goes_on_hiding_the_secrets_of_a_dictionary_and_nothing_else_of_it() -> None:
    given = {
        "provider": "server",
        "address": "app1",
        "password": "hunter2",
        "login": {"token": "t0k3n", "user": "anna"},
        "mirrors": [{"url": "b", "key": "k3y"}, "url=c key=k3y"],
    }
    no_log_values = {"server", "app1", "hunter2", "t0k3n", "anna", "b", "k3y", "of another option"}
    parameters: dict[str, Any] = {"store": given, "path": "/srv"}
    assert conceal(no_log_values, parameters, "store", PROVIDERS) is given
    assert no_log_values >= {"hunter2", "t0k3n", "url=c key=k3y", "of another option"}
    assert not no_log_values & {"server", "app1", "anna", "b", "k3y"}
    assert parameters == {
        "path": "/srv",
        "store": {
            "provider": "server",
            "address": "app1",
            "password": "********",
            "login": {"token": "********", "user": "anna"},
            "mirrors": [{"url": "b", "key": "********"}, "********"],
        },
    }


@pytest.mark.parametrize(
    "given",
    [
        {"provider": "server", "pasword": "hunter2"},
        {"provider": "sever", "password": "hunter2"},
        {"provder": "server", "password": "hunter2"},
        {"provider": "disk", "folder": "/srv", "password": "hunter2"},
        {"provider": "server", "login": {"pasword": "hunter2"}},
    ],
    ids=["misspelt", "unknown provider", "no provider", "of another provider", "misspelt and nested"],
)
def test_a_secret_is_not_shown_where_the_dictionary_is_not_valid(given: dict[str, Any]) -> None:
    parameters: dict[str, Any] = {"store": given}
    conceal(set(), parameters, "store", PROVIDERS)
    assert "hunter2" not in str(parameters)


@pytest.mark.parametrize("parameters", [{}, {"store": None}, {"store": {}}])
def test_there_may_be_nothing_to_conceal(parameters: dict[str, Any]) -> None:
    assert conceal(set(), parameters, "store", PROVIDERS) == {}


def test_of_a_url_the_user_the_password_and_the_query_are_hidden_whatever_is_declared() -> None:
    address = "https://anna:hunter2@app1/api?key=t0k3n"
    no_log_values = {address}
    conceal(no_log_values, {"store": {"provider": "server", "address": address}}, "store", PROVIDERS)
    assert no_log_values >= {"hunter2", "key=t0k3n", address}
    no_log_values = {"http://app1"}
    conceal(no_log_values, {"store": {"provider": "server", "address": "http://app1"}}, "store", PROVIDERS)
    assert "http://app1" not in no_log_values


def test_a_secret_with_a_url_in_it_stays_hidden() -> None:
    no_log_values: set[str] = set()
    body = "password=hunter2&next=https://app1/"
    given = {"provider": "server", "password": body, "login": {"token": "https://hooks.example/t0k3n"}}
    conceal(no_log_values, {"store": given}, "store", PROVIDERS)
    assert no_log_values >= {body, "https://hooks.example/t0k3n"}
