#!/usr/bin/python
# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: user_tasks
short_description: Run task files of the user without losing a host
version_added: 0.1.0
description:
  - Runs a file of tasks for the hosts of the batch, as C(ansible.builtin.include_tasks) does, but in a play of its own. Nothing in the
    file can end the play around it, or take a host out of that play. This holds for an unreachable host, C(run_once), C(any_errors_fatal),
    C(meta) tasks such as C(end_play), and a file that is missing or cannot be parsed.
  - Use it with C(run_once). It runs each file once, on all hosts that have it, and returns what became of it on each host. It never fails itself.
  - The tasks see the variables, the connection, C(become), the environment and the handlers of the play, as tasks of an included file do.
    Handlers that they notify run at the end of the file.
  - A host has succeeded if it came to the end of the file. It has failed if a task failed or was unreachable there, unless that was rescued or
    ignored in the file; if a C(run_once) or C(any_errors_fatal) task failed on another host; or if C(meta) ended the play, the batch, the role
    or the host.
  - Facts that a task gathers, variables of C(include_vars), and hosts and groups that a task adds are only known within the file.
  - No task of the file is started after the controller was killed.
author:
  - The Strata authors (@strata)
extends_documentation_fragment:
  - action_common_attributes
  - action_common_attributes.conn
  - action_common_attributes.flow
attributes:
  action:
    support: full
  async:
    support: none
  become:
    description: Is not used by the action itself. The tasks of the file use it as they say.
    support: none
  bypass_host_loop:
    description: Runs for one host, and does the work for all of the batch.
    support: partial
  check_mode:
    description: Runs no task in check mode.
    support: none
  connection:
    support: none
  delegation:
    description: The tasks of the file may be delegated, each by itself or all by O(delegate_to).
    support: partial
  diff_mode:
    description: The tasks of the file show their differences themselves.
    support: none
  platform:
    platforms: all
options:
  variable:
    description:
      - The name of the variable that has the absolute path of the file on the controller.
      - It is read for each host of the batch. A host for which it is empty is left out.
    type: str
    required: true
  delegate_to:
    description: The host to which each task of the file is delegated, unless the task says otherwise.
    type: str
    default: ""
seealso:
  - module: ansible.builtin.include_tasks
"""

EXAMPLES = r"""
- name: Run the tasks of the user
  strata.deploy.user_tasks:
    variable: announce_file
  run_once: true
  register: announced

- name: Keep the variables that they set
  ansible.builtin.set_fact:
    "{{ item.name }}": "{{ item.value }}"
  loop: "{{ (lookup('ansible.builtin.file', announced.variables) | from_json) if announced.variables else [] }}"
  delegate_to: "{{ item.host }}"
  delegate_facts: true
  run_once: true
  no_log: true

- name: Check them
  ansible.builtin.assert:
    that: inventory_hostname not in announced.failures
    fail_msg: "{{ announced.failures[inventory_hostname] | default('') }}"
"""

RETURN = r"""
failures:
  description: For each host that did not reach the end of its file, the reason, with the name of the task where there was one.
  returned: always
  type: dict
  sample:
    web1: "Warm the cache up: unreachable: Failed to connect to the host via ssh"
variables:
  description:
    - The path of a file with what the tasks set by C(set_fact) or registered, as a JSON list of dictionaries with C(host), C(name) and C(value).
      It is empty if they set nothing.
    - The file is in the private temporary folder of this run of Ansible, because the values may be secret.
  returned: always
  type: str
  sample: /home/deploy/.ansible/tmp/ansible-local-4711x/strata-variables-8j3k
"""
