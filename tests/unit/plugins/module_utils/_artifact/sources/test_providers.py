# SPDX-License-Identifier: GPL-3.0-or-later
"""Which kind of source reads a URL."""

from __future__ import annotations

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources.file import File
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources.http import Http
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources.oci import Oci
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources.providers import provider
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("/srv/shop.tar.gz", File),
        ("/srv/a:b", File),
        ("http://h/shop.tar.gz", Http),
        ("https://h/shop.tar.gz", Http),
        ("oci://h/shop:2.0", Oci),
    ],
)
def test_the_scheme_says_who_reads(url: str, kind: type) -> None:
    assert isinstance(provider(url), kind)


@pytest.mark.parametrize("url", ["shop.tar.gz", "ftp://anna:s3cret@h/shop.tar.gz", "", "http://[h/a"])
def test_what_nobody_reads_is_an_error_without_a_secret(url: str) -> None:
    with pytest.raises(
        StrataError, match=r"has none of these forms: an absolute path on the host; an http\(s\) URL"
    ) as caught:
        provider(url)
    assert "s3cret" not in str(caught.value)
