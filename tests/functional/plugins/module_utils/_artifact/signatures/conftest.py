# SPDX-License-Identifier: GPL-3.0-or-later
"""An artifact that is signed by the real tools."""

from __future__ import annotations

from fixtures.signatures import artifact, keyring, minisign, ssh, verify

__all__ = ["artifact", "keyring", "minisign", "ssh", "verify"]
