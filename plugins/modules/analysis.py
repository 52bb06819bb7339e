#!/usr/bin/python
# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: analysis
short_description: Ask whether a system is well, by a list of analyses
version_added: 0.1.0
description:
  - Runs all analyses at the same time, and sums up what they find in one verdict.
  - Fails unless the verdict is V(pass). An analysis that cannot answer is V(inconclusive), and that is a failure, too.
  - All analyses are checked before the first one runs. If one is not valid, none runs, and there is no verdict.
author:
  - The Strata authors (@strata)
attributes:
  check_mode:
    description: Can run in check mode, and is skipped then.
    support: partial
    details:
      - What is wrong with O(analyses) is an error, but no analysis runs. Nothing was changed that could be analysed, and an analysis
        may write, as journeys do.
  diff_mode:
    description: Has nothing to show, as it changes nothing that it knows of.
    support: none
  idempotent:
    description: Runs the analyses every time.
    support: N/A
options:
  analyses:
    description:
      - The analyses. In each dictionary, C(provider) names the kind of analysis; the other keys are the options of that provider.
      - The collection's page C(docs/providers/analysis.md) lists the providers and their options.
      - An empty list is an error.
    type: list
    elements: dict
    required: true
  duration:
    description: Seconds for which each analysis observes, at least.
    type: float
    default: 0
seealso:
  - module: strata.deploy.http_journey
notes:
  - Options that may carry a password, a token or a URL with one are hidden. Set C(no_log) on the task if others carry credentials,
    for example the headers of a journey.
"""

EXAMPLES = r"""
- name: See that users can order
  strata.deploy.analysis:
    duration: 60
    analyses:
      - provider: journeys
        base_url: https://shop.example.com
        users: 20
        iterations: 100
        latency: 0.5
        journeys:
          - name: Order
            steps:
              - {name: Place it, method: POST, path: /orders, json: {item: tea}, expect: {status: 201}, save: {order: /id}}
              - {name: See it, path: "/orders/{order}"}
"""

RETURN = r"""
verdict:
  description:
    - V(fail) if one analysis fails; otherwise V(inconclusive) if one is; otherwise V(pass).
    - The module fails unless it is V(pass).
  returned: when the analyses ran
  type: str
  sample: pass
reasons:
  description: The reasons of all RV(analyses), each with the provider's name before it.
  returned: when the analyses ran
  type: list
  elements: str
  sample: ["journeys: The latency p95 of 400 requests was 0.81 s where 0.5 s is allowed."]
analyses:
  description: What each analysis found, in the order of O(analyses).
  returned: when the analyses ran
  type: list
  elements: dict
  contains:
    provider:
      description: The provider.
      returned: always
      type: str
    verdict:
      description: V(pass), V(fail) or V(inconclusive).
      returned: always
      type: str
    reasons:
      description: A sentence each. Empty for V(pass).
      returned: always
      type: list
      elements: str
    figures:
      description: What was measured. The keys belong to the provider; those of V(journeys) are what M(strata.deploy.http_journey) returns.
      returned: always
      type: dict
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.strata.deploy.plugins.module_utils._analysis.analyses import PROVIDERS
from ansible_collections.strata.deploy.plugins.module_utils._analysis.analyses.assess import assess, prepare
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._core.providers import conceal, hide

COMPLAINTS = {
    "fail": "The analysis failed",
    "inconclusive": "The analysis is inconclusive, so it has not passed",
}


def conceal_each(module: AnsibleModule) -> list:
    """Hide the secrets of each analysis, and of a URL only what is secret in it; the analyses as they were given."""
    shown: list[dict[str, Any]] = [{"analysis": each} for each in module.params["analyses"]]
    given = [conceal(module.no_log_values, each, "analysis", PROVIDERS) for each in shown]
    module.params["analyses"] = [each["analysis"] for each in shown]
    # Once more for all, because what is harmless in one analysis may be a secret of another.
    for each in given:
        hide(module.no_log_values, PROVIDERS, each)
    return given


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "analyses": {"type": "list", "elements": "dict", "required": True, "no_log": True},
            "duration": {"type": "float", "default": 0},
        },
        supports_check_mode=True,
    )
    duration = module.params["duration"]
    try:
        analyses = prepare(conceal_each(module), duration)
        if module.check_mode:
            module.exit_json(skipped=True, msg="No analysis runs in check mode, because it may write.")
        assessment = assess(analyses, duration)
    except StrataError as error:
        module.fail_json(msg=str(error), **error.details)
    report = {
        "verdict": assessment.verdict,
        "reasons": list(assessment.reasons),
        "analyses": [
            {
                "provider": name,
                "verdict": finding.verdict,
                "reasons": list(finding.reasons),
                "figures": dict(finding.figures),
            }
            for name, finding in assessment.findings
        ],
    }
    if assessment.verdict != "pass":
        module.fail_json(msg=f"{COMPLAINTS[assessment.verdict]}: {' '.join(assessment.reasons)}", **report)
    module.exit_json(changed=False, **report)


if __name__ == "__main__":
    main()
