# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unpacking archives that may be hostile: `unpack` writes a release, `archive.entries` only reads.

Nothing of the standard library's ``tarfile`` and ``zipfile`` is used: what they take for granted differs from one
version of Python to the next, and both keep every entry in memory.
"""
