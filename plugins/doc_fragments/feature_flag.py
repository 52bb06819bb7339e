# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options by which the feature flag modules find a flag service."""

from __future__ import annotations


class ModuleDocFragment:
    """Ansible's entry point."""

    DOCUMENTATION = r"""
options:
  provider:
    description:
      - The service that holds the flags.
      - V(flagd) is a JSON file of flag definitions (U(https://flagd.dev/reference/flag-definitions/)), as the flagd daemon
        and the in-process OpenFeature providers read it.
    type: str
    choices: [flagd]
    default: flagd
  path:
    description:
      - The absolute path of the flag file on the host.
      - Required if O(provider=flagd).
    type: str
notes:
  - With V(flagd), the file must exist, in JSON; it may hold other flags, evaluators and metadata, all of which are kept.
    It is replaced in one rename, with its mode, and written with an indent of 2 spaces.
"""
