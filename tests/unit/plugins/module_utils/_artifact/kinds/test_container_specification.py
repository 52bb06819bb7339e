# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds.container_specification import (
    Specification,
    specification,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"name": "-x"}, "'-x' is not one that Docker takes"),
        ({"restart": "ever"}, "'ever' is not one of"),
        ({"restart": "on-failure:x"}, "is not one of"),
        ({"options": ["--rm"]}, "--rm is not for"),
        ({"options": ["--name=x"]}, "--name is not for"),
        ({"environment": {"A": "s3cret\nB=1"}}, "A has a line break"),
        ({"environment": {"A=": "s3cret"}}, "not the name"),
    ],
)
def test_what_docker_does_not_take_is_refused(options: dict[str, Any], why: str) -> None:
    with pytest.raises(StrataError, match=why) as raised:
        specification(options).validate()
    assert "s3cret" not in str(raised.value)


def test_what_docker_takes_is_not() -> None:
    specification(
        {"name": "shop_1.x", "restart": "on-failure:3", "options": ["--init"], "environment": {"A": "1"}}
    ).validate()


def test_options_of_a_module_become_a_specification() -> None:
    options = {"ports": ["80:80"], "labels": {"team": 7}, "image": "not one of its own"}
    assert specification(options) == Specification(ports=("80:80",), labels={"team": "7"})


@pytest.mark.parametrize("value", [True, None, ["x"], {"x": 1}])
def test_environment_values_are_texts_or_numbers(value: Any) -> None:
    assert specification({"environment": {"PORT": 8080}}).environment == {"PORT": "8080"}
    with pytest.raises(StrataError, match="DEBUG is neither a text nor a number"):
        specification({"environment": {"DEBUG": value}})


@pytest.mark.parametrize("changed", [{"ports": ("80:80",)}, {"environment": {"A": "2"}}, {"user": "shop"}])
def test_a_digest_tells_one_from_another(changed: dict[str, Any]) -> None:
    one = Specification(environment={"A": "1"})
    assert one.digest() == replace(one).digest()
    assert one.digest() != replace(one, **changed).digest()
