# SPDX-License-Identifier: GPL-3.0-or-later
"""Images as far as no Docker is needed; test_container has real ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds.container_image import Container
from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds.container_specification import (
    Specification,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources import Source
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("artifact", "why"),
    [
        (Container(), "either an image, or the url"),
        (Container(image=f"shop@{DIGEST}", source=Source("/shop.tar", "")), "either an image, or the url"),
        (Container(image="shop:2.0"), "has no digest"),
        (Container(image="--privileged"), "not of the form"),
        (Container(image="shop@sha256:12"), "not of the form"),
        (Container(image=f"shop@{DIGEST}", given="sha256:" + "1" * 64), "not the digest"),
        (Container(source=Source("/shop.tar", "")), "neither sha256:HEX"),
        (
            Container(image=f"shop@{DIGEST}", specification=Specification(name="-x")),
            "not one that Docker takes",
        ),
    ],
)
def test_what_cannot_work_is_refused_without_asking_docker(artifact: Container, why: str) -> None:
    with pytest.raises(StrataError, match=why) as raised:
        artifact.validate()
    assert "s3cret" not in str(raised.value)


def test_an_image_with_a_digest_needs_no_checksum_and_one_without_is_waived_by_name() -> None:
    Container(image=f"registry.example.com:5000/team/shop@{DIGEST}").validate()
    Container(image="shop:2.0", given="unverified").validate()
    assert Container(image=f"shop@{DIGEST}").checksum == DIGEST


@pytest.mark.parametrize("changed", [{"ports": ("80:80",)}, {"environment": {"A": "2"}}, {"user": "shop"}])
def test_another_specification_is_another_build(changed: dict[str, Any]) -> None:
    artifact = Container(image=f"shop@{DIGEST}", specification=Specification(environment={"A": "1"}))
    digests = {"reference": artifact.image, "specification": artifact.specification.digest()}
    assert artifact.matches(digests)
    assert not replace(artifact, specification=replace(artifact.specification, **changed)).matches(digests)
    assert not replace(artifact, image=f"shop@sha256:{'1' * 64}", given="").matches(digests)
