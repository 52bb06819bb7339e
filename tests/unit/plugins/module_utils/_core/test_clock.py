# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from datetime import datetime, timedelta, timezone

from ansible_collections.strata.deploy.plugins.module_utils._core.clock import utc_now


def test_the_time_is_in_utc_to_the_second() -> None:
    told = datetime.strptime(utc_now(), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    assert abs(datetime.now(timezone.utc) - told) < timedelta(seconds=60)
