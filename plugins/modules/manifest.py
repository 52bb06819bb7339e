#!/usr/bin/python
# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: manifest
short_description: Check what a deployment is asked to do before anything is contacted
version_added: 0.1.0
description:
  - Reads the values of a release manifest and the shape of the inventory, and fails with a list of everything that is wrong.
  - Contacts nothing and changes nothing.
author:
  - The Strata authors (@strata)
attributes:
  check_mode:
    description: Can run in check mode; it only reads.
    support: full
  diff_mode:
    description: Has nothing to show, as it changes nothing.
    support: none
  idempotent:
    description: Answers the same for the same input.
    support: full
options:
  app:
    description: The application's name, which is a safe folder name.
    type: str
  needs_release:
    description: Whether a version, an artifact and a checksum must be given; a rollback needs none.
    type: bool
    default: true
  layers:
    description: The layers that will be touched; each needs its own part of the manifest and its own groups.
    type: list
    elements: str
    choices: [artifact, database, feature, fleet]
    required: true
  version:
    description: The release's version, a string that is a safe folder name.
    type: raw
  url:
    description: Where the artifact lies, an http(s) or oci URL or an absolute path on the hosts.
    type: str
  checksum:
    description: The artifact's checksum, C(sha256:HEX), C(sha512:HEX) or V(unverified), or where a list of checksums lies.
    type: str
  kind:
    description: What the artifact is, V(archive), V(container) or V(package).
    type: str
    default: archive
  image:
    description: The image of a container, V(REGISTRY/NAME@sha256:HEX).
    type: str
  package:
    description: The name of a package.
    type: str
  features:
    description: The features that the release switches on.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The flag's name.
        type: str
        required: true
      rollout:
        description: Rising percentages of users, from 0 to 100.
        type: list
        elements: int
        default: [100]
      bake:
        description: Seconds for which the analysis goes on after each step.
        type: float
        default: 0
  wanted_groups:
    description: The variable that names a group, and the name it has, for every group that must have hosts.
    type: dict
    default: {}
  groups:
    description: Every group of the inventory with the list of its hosts.
    type: dict
    default: {}
  batches:
    description: The sizes of the fleet's batches, numbers and percentages.
    type: raw
    default: [1]
  policy:
    description: What is done when the fleet layer fails, V(halt) or V(rollback_fleet).
    type: str
    default: rollback_fleet
  names:
    description: The names of all variables that begin like an option of a role.
    type: list
    elements: str
    default: []
  known:
    description: The names of all options of the roles.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Check the manifest
  strata.deploy.manifest:
    app: shop
    layers: [artifact, fleet]
    version: "{{ artifact_version }}"
    url: "{{ artifact_url }}"
    checksum: "{{ artifact_checksum }}"
    wanted_groups:
      deploy_fleet_group: fleet
    groups: "{{ groups }}"
"""

RETURN = r"""
problems:
  description: One sentence for each thing that is wrong.
  returned: failure
  type: list
  elements: str
  sample: ["Unknown option 'artifact_cheksum'. Did you mean 'artifact_checksum'?"]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._core.urls import conceal
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.manifest import check_manifest


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "app": {"type": "str"},
            "needs_release": {"type": "bool", "default": True},
            "layers": {
                "type": "list",
                "elements": "str",
                "choices": ["artifact", "database", "feature", "fleet"],
                "required": True,
            },
            "version": {"type": "raw"},
            "url": {"type": "str", "no_log": True},
            "checksum": {"type": "str", "no_log": True},
            "kind": {"type": "str", "default": "archive"},
            "image": {"type": "str"},
            "package": {"type": "str"},
            "features": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "name": {"type": "str", "required": True},
                    "rollout": {"type": "list", "elements": "int", "default": [100]},
                    "bake": {"type": "float", "default": 0},
                },
            },
            "wanted_groups": {"type": "dict", "default": {}},
            "groups": {"type": "dict", "default": {}},
            "batches": {"type": "raw", "default": [1]},
            "policy": {"type": "str", "default": "rollback_fleet"},
            "names": {"type": "list", "elements": "str", "default": []},
            "known": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    conceal(module.no_log_values, module.params["url"], module.params["checksum"])
    try:
        check_manifest(**module.params)
    except StrataError as error:
        module.fail_json(msg=str(error), **error.details)
    module.exit_json(changed=False)


if __name__ == "__main__":
    main()
