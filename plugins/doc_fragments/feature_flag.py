# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option that tells the feature flag modules which flag service to use."""

from __future__ import annotations


class ModuleDocFragment:
    """Ansible's entry point."""

    DOCUMENTATION = r"""
options:
  service:
    description:
      - >-
        The service that holds the flags, as a dictionary. C(provider) names the kind of service; the other keys are the options of
        that provider, for example C({provider: flagd, path: /etc/flagd/shop.json}).
      - The collection's page C(docs/providers/feature_flag.md) lists the providers and their options.
      - The module checks the options before it contacts the service. An unknown option is an error.
    type: dict
    required: true
"""
