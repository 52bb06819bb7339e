# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import time

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.address import (
    PASSWORD_VARIABLE,
    Address,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.dump import (
    check_time,
    client_program,
)

ADDRESS = Address("postgresql", "shop", "the database", host="h", password="s3cret", secrets=("s3cret",))


def test_a_client_program_ends_at_the_deadline_and_has_no_password_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, "s3cret")
    script = f'echo "${{{PASSWORD_VARIABLE}-none}} $A s3cret"'
    command = client_program(ADDRESS, ("sh", "-c", script), {"A": "1"}, time.monotonic() + 20)
    assert command.timeout
    assert 19 < command.timeout <= 20
    assert command.run().output == "none 1 ***\n"


def test_what_is_too_late_fails_with_the_option_that_limits_it() -> None:
    command = client_program(ADDRESS, ("sleep", "60"), {}, time.monotonic() - 1)
    with pytest.raises(StrataError, match=r"sleep did not end within 0\.1 s .* The option timeout limits"):
        command.run()
    with pytest.raises(StrataError, match=r"it took too long\. The option timeout limits"):
        check_time(time.monotonic() - 1)
    check_time(time.monotonic() + 20)
