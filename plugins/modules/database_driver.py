#!/usr/bin/python
# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: database_driver
short_description: Install the package that has the driver of a database
version_added: 0.1.0
author: The Strata authors (@strata)
description:
  - Installs a package as M(ansible.builtin.package) does. Of the host's answer only whether that succeeded, and the message, are used.
  - Facts and other variables in the answer are left out, because they would win over the variables of the inventory.
extends_documentation_fragment:
  - action_common_attributes
  - action_common_attributes.conn
  - action_common_attributes.flow
options:
  name:
    description: The package.
    type: str
    required: true
  state:
    description: V(present), for a package that is installed where it is missing.
    type: str
    choices: [present]
    default: present
  update_cache:
    description: Whether the list of packages is fetched first.
    type: bool
    default: false
attributes:
  action:
    support: full
  async:
    support: none
  become:
    support: full
  bypass_host_loop:
    support: none
  check_mode:
    description: Changes nothing in check mode.
    support: full
  connection:
    support: full
  delegation:
    support: full
  diff_mode:
    support: none
  platform:
    platforms: posix
seealso:
  - module: ansible.builtin.package
"""

EXAMPLES = r"""
- name: Install the database driver
  strata.deploy.database_driver:
    name: python3-psycopg2
    update_cache: true
"""

RETURN = r"""# Nothing but what each module returns."""
