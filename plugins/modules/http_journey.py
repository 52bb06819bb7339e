#!/usr/bin/python
# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: http_journey
short_description: Walk declared transactions through an application, as many users at once
version_added: 0.1.0
description:
  - Makes the requests of journeys in order, holds each answer against what is expected, and carries values
    from one step to the next. All users start at one moment.
  - Fails if too many journeys fail, or if a percentile of the requests' latency is too high.
  - In a later step's path, headers, json, body and expectations, C({name}) is replaced by the value that was saved as C(name).
    A text that is nothing but that becomes the value itself, a number for example. C({user}) (from 1), C({iteration}) (from 1) and
    C({uuid}) (one for each walk of a journey) are always there.
  - Redirects are answers as any other; none is followed. Cookies are not kept.
author:
  - The Strata authors (@strata)
seealso:
  - module: strata.deploy.analysis
attributes:
  check_mode:
    description: Can run in check mode, and is skipped then.
    support: partial
    details:
      - What is wrong with the declaration is an error, but no request is made, because a journey may write.
  diff_mode:
    description: Has nothing to show, as it changes nothing that it knows of.
    support: none
  idempotent:
    description: Makes its requests every time; whether they change something is up to the journeys.
    support: N/A
options:
  base_url:
    description:
      - The http(s) URL to which the paths are added.
      - A user and a password in it are sent as basic authentication with each request that has no C(Authorization) of its own,
        and are not shown.
    type: str
    required: true
  journeys:
    description: The transactions.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: What the journey does, for the report.
        type: str
        required: true
      steps:
        description: Its requests; the first that is not answered as expected ends the walk.
        type: list
        elements: dict
        required: true
        suboptions:
          name:
            description: What the step does, for the report.
            type: str
            required: true
          method:
            description: The HTTP method.
            type: str
            default: GET
          path:
            description:
              - The path, and the query if any, beginning with a slash.
              - It may also be a saved value, as a C(Location) header, that is a path or begins with O(base_url).
            type: str
            required: true
          headers:
            description: The headers of the request.
            type: dict
          json:
            description: A value that is sent as JSON. Not together with O(journeys[].steps[].body).
            type: raw
          body:
            description: A text that is sent as it is.
            type: str
          expect:
            description: What the answer must have.
            type: dict
            suboptions:
              status:
                description: The status, or several. Without it, any from 200 to 299.
                type: list
                elements: int
              json:
                description: Values by JSON pointer (RFC 6901) into the body.
                type: dict
              contains:
                description: A text that is in the body.
                type: str
              headers:
                description: Headers of the answer with their whole values.
                type: dict
          save:
            description:
              - Variables for later steps, each with a JSON pointer into the answer's body, or the name of one of its headers.
            type: dict
  users:
    description: How many walk at once, each with a thread and connections of its own, at most 500.
    type: int
    default: 5
  iterations:
    description: How many times each user walks all journeys.
    type: int
    default: 1
  duration:
    description: Seconds over which each user's iterations are spread evenly; the last begins when they are over. V(0) for no pause.
    type: float
    default: 0
  timeout:
    description: Seconds in which each answer must be there as a whole; connecting has as long.
    type: float
    default: 10
  error_rate:
    description: The greatest fraction of the journeys that may fail, from 0 to 1.
    type: float
    default: 0
  percentile:
    description: The percentile of the requests' latencies that O(latency) limits, and that is returned.
    type: float
    default: 95
  latency:
    description: The greatest number of seconds for that percentile. Without it, none is too slow.
    type: float
  validate_certs:
    description: Whether certificates are verified.
    type: bool
    default: true
notes:
  - Answers are cut at 4 MiB. At most 5 distinct failures are returned, with the first 200 characters of what came.
  - The headers and bodies of the requests are shown nowhere, and concealed in messages. A path is shown, so credentials do not belong there.
"""

EXAMPLES = r"""
- name: Twenty users order something and look at it
  strata.deploy.http_journey:
    base_url: https://shop.example.com
    users: 20
    iterations: 5
    latency: 0.5
    journeys:
      - name: Order
        steps:
          - name: Place it
            method: POST
            path: /orders
            json:
              item: "tea for {uuid}"
            expect:
              status: 201
            save:
              order: /id
          - name: See it
            path: "/orders/{order}"
            expect:
              json:
                /id: "{order}"
                /item: "tea for {uuid}"
"""

RETURN = r"""
journeys:
  description: How many walks there were, O(users) times O(iterations) times the number of journeys.
  returned: when walked
  type: int
failed_journeys:
  description: How many of them ended with an answer that was not expected, or none.
  returned: when walked
  type: int
error_rate:
  description: RV(failed_journeys) as a fraction of RV(journeys).
  returned: when walked
  type: float
requests:
  description: How many requests were made.
  returned: when walked
  type: int
seconds:
  description: How long it took.
  returned: when walked
  type: float
latency:
  description: Seconds of the requests, those without an answer too; V(p50), V(p95), V(max) and the one of O(percentile).
  returned: when walked
  type: dict
  sample: {"p50": 0.004, "p95": 0.0113, "max": 0.0309}
failures:
  description: The first few distinct failures.
  returned: when walked
  type: list
  elements: dict
  contains:
    journey:
      description: The journey.
      returned: always
      type: str
    step:
      description: The step at which it ended.
      returned: always
      type: str
    expected:
      description: What was expected.
      returned: always
      type: str
    got:
      description: What came, of the first such failure.
      returned: always
      type: str
    count:
      description: How many walks ended there for the like.
      returned: always
      type: int
  sample:
    - journey: Order
      step: Place it
      expected: status 201
      got: status 503 with 'no stock'
      count: 4
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.strata.deploy.plugins.module_utils._analysis.analyses.journeys import Journeys
from ansible_collections.strata.deploy.plugins.module_utils._core import urls
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._core.providers import conceal


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **Journeys.OPTIONS,
            # All of it, because a host's log would show a value that has to be quoted there.
            "journeys": {**Journeys.OPTIONS["journeys"], "no_log": True},
            "duration": {"type": "float", "default": 0},
        },
        supports_check_mode=True,
    )
    given, duration = dict(module.params), module.params["duration"]
    shown = {"options": {name: given[name] for name in Journeys.OPTIONS}}
    conceal(module.no_log_values, shown, "options", {Journeys.NAME: Journeys})
    module.params["journeys"] = shown["options"]["journeys"]
    urls.conceal(module.no_log_values, given["base_url"])
    journeys = Journeys(given)
    try:
        journeys.validate(duration)
        if module.check_mode:
            module.exit_json(skipped=True, msg="Not walked in check mode, because a journey may write.")
        finding = journeys.analyse(duration)
    except StrataError as error:
        module.fail_json(msg=str(error), **error.details)
    if finding.verdict != "pass":
        module.fail_json(msg=" ".join(finding.reasons), **finding.figures)
    module.exit_json(changed=False, **finding.figures)


if __name__ == "__main__":
    main()
