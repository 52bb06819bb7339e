#!/usr/bin/python
# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: deployment
short_description: One phase of a deployment, from the lock to the report
version_added: 0.1.0
description:
  - Builds the deployment from what the plays registered, and returns the plan, the batches, the events so far and the verdict.
  - The playbooks register it as C(strata_deployment) on the controller. Their C(hosts), their C(serial) and the gates read it.
  - It runs on the controller. Delegate the phases V(open), V(record) and V(close) to the control host, which keeps the lock.
  - The options of the deployment are the variables of the role P(strata.deploy.deployment#role).
author:
  - The Strata authors (@strata)
attributes:
  check_mode:
    description: Takes no lock, records nothing and writes no journal; it returns the same.
    support: full
  diff_mode:
    description: Has nothing to show.
    support: none
  idempotent:
    description: Each phase can be run again in the same run, apart from V(close), which releases the lock.
    support: partial
  action:
    description: Has an action plugin, which does all of it.
    support: full
options:
  phase:
    description:
      - V(open) validates every option of every host, and what is asked for, all problems at once; then it takes the lock.
      - V(plan) computes the plan. It fails nothing; what speaks against the plan is in RV(plan.problems).
      - V(record) comes before a batch, a migration, a flag step, or the repair of what a dead run left. It confirms that the lock is
        still this run's, and writes down which
        members are about to be taken out of rotation.
      - V(judge) comes after a batch was activated, and says which of its members may be put back.
      - V(settle) comes after the fleet, and says which hosts the failure policy rolls back, and in which order.
      - V(close) writes the journal, releases the lock and fails where the deployment did.
      - V(status) shows what runs where.
    type: str
    choices: [open, plan, record, judge, settle, close, status]
    required: true
  batch:
    description: The hosts of the batch, with V(record) and V(judge). Without any, V(record) only confirms the lock.
    type: list
    elements: str
    default: []
  version:
    description: The release that the batch is to run, where a role is used alone and no deployment was opened.
    type: str
seealso:
  - module: strata.deploy.deploy_lock
  - module: strata.deploy.deploy_info
"""

EXAMPLES = r"""
- name: Confirm the lock and record what the batch takes out of rotation
  strata.deploy.deployment:
    phase: record
    batch: "{{ ansible_play_batch }}"
  delegate_to: "{{ deployment_control_host }}"
  run_once: true
  register: batch
"""

RETURN = r"""
id:
  description: The identifier of the deployment.
  returned: with V(open), V(plan) and V(settle), as everything up to RV(settle_batch_sizes)
  type: str
  sample: 20260301T101500.000000Z
app:
  description: The name of the app.
  returned: see RV(id)
  type: str
  sample: shop
version:
  description: The version that was asked for, or null.
  returned: see RV(id)
  type: str
  sample: "2.0"
target:
  description: The release that the fleet is to run; of a rollback, the one that it goes back to.
  returned: see RV(id)
  type: str
  sample: "2.0"
occasion:
  description: What the journal calls the run.
  returned: see RV(id)
  type: str
  sample: deploy
layers:
  description: The layers that are touched.
  returned: see RV(id)
  type: list
  elements: str
  sample: [artifact, fleet]
fleet:
  description: The hosts of the fleet.
  returned: see RV(id)
  type: list
  elements: str
  sample: [web1, web2]
selected:
  description: Those that C(--limit) leaves in the run.
  returned: see RV(id)
  type: list
  elements: str
  sample: [web1, web2]
record:
  description: What is written down as taken out of rotation, by balancer host and member, with the definition that puts it back.
  returned: see RV(id)
  type: dict
  sample: {}
plan:
  description: The plan, or null before it was made.
  returned: see RV(id)
  type: dict
  contains:
    problems:
      description: Why the deployment must not begin.
      type: list
      elements: str
    lines:
      description: The plan for a person to read.
      type: list
      elements: str
    batches:
      description: The hosts that change, batch by batch.
      type: list
      elements: list
    steps:
      description: The steps of the features that are still ahead.
      type: list
      elements: dict
events:
  description: What was tried, on which hosts, and how it ended, in the order in which the controller saw it.
  returned: see RV(id)
  type: list
  elements: dict
verdict:
  description: Whether everything succeeded so far, and what failed where and why.
  returned: see RV(id)
  type: dict
  sample: {"passed": true, "failures": []}
heal:
  description: Members that an earlier deployment took out of rotation and whose host may serve again, by balancer.
  returned: see RV(id)
  type: dict
  sample: {}
stage_hosts:
  description: The hosts on which the release is staged.
  returned: see RV(id)
  type: list
  elements: str
fleet_hosts:
  description: The hosts of the fleet that change.
  returned: see RV(id)
  type: list
  elements: str
batch_sizes:
  description: The sizes of their batches, for C(serial).
  returned: see RV(id)
  type: list
  elements: raw
backs_up:
  description: Whether the database is backed up.
  returned: see RV(id)
  type: bool
settle_hosts:
  description: The hosts that the failure policy rolls back, those that are out of rotation first.
  returned: see RV(id)
  type: list
  elements: str
settle_batch_sizes:
  description: The sizes of their batches, for C(serial).
  returned: see RV(id)
  type: list
  elements: int
go:
  description: Whether the batch, the migration or the flag step may go on.
  returned: with V(record) and V(judge), as everything up to RV(analyse)
  type: bool
drain:
  description: The members of the batch that are to be taken out of rotation.
  returned: see RV(go)
  type: list
  elements: str
recorded:
  description: What was written down for this batch, by balancer host and member.
  returned: see RV(go)
  type: dict
restore:
  description: The members of the batch that may be put back, with V(judge).
  returned: see RV(go)
  type: list
  elements: str
analyse:
  description: Whether the batch changed and is analysed next, with V(judge).
  returned: see RV(go)
  type: bool
msg:
  description: The report for the operator.
  returned: with V(close) and V(status)
  type: str
"""
