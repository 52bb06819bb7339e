# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with an artifact that comes from a URL, before any host is contacted."""

from __future__ import annotations

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds.protocol import Named

SUM = f"sha256:{'0' * 64}"


def test_a_url_and_a_checksum_are_enough() -> None:
    assert Named(url="https://h/shop.tar.gz", checksum=SUM).source_problems() == []


@pytest.mark.parametrize(
    ("named", "problems"),
    [
        (Named(), ["No artifact is given: set artifact_url", "No checksum is given: set artifact_checksum"]),
        (Named(url="https://h/a"), ["No checksum is given"]),
        (Named(checksum=SUM), ["No artifact is given"]),
        (Named(url="ftp://h/a", checksum=SUM), ["The artifact 'ftp://h/a' has none of these forms"]),
        (Named(url="https://h/a", checksum="md5:12"), ["neither sha256:HEX nor sha512:HEX"]),
    ],
)
def test_each_problem_says_which_option_to_set(named: Named, problems: list[str]) -> None:
    found = named.source_problems()
    assert [each in line for each, line in zip(problems, found, strict=True)] == [True] * len(problems)
