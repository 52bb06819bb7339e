# SPDX-License-Identifier: GPL-3.0-or-later
"""Explains the failed asserts of tests/fixtures as pytest explains those of test files."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("fixtures")
