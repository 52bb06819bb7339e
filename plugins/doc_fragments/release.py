# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules on releases say alike of their options."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  path:
    description:
      - The folder of the app on the host, an absolute path.
      - It has C(releases/VERSION/), C(shared/), the symbolic link C(current), and C(.strata/) with what is known of the releases.
    type: path
    required: true
  service:
    description:
      - The service that runs the release.
    type: dict
    suboptions:
      manager:
        description:
          - The process supervisor.
          - With V(supervisord) the service is one program, asked and told over XML-RPC (U(http://supervisord.org/api.html)).
          - With V(systemd) it is a unit of the system's systemd. It is stopped and then started; units that require it
            are stopped with it, and not started again. A unit file that has changed on disk is read anew before (C(daemon-reload)),
            and what was started too often before is started all the same (C(reset-failed)).
          - With V(none) there is no service to restart.
        type: str
        choices: [supervisord, systemd, none]
        required: true
      name:
        description:
          - For V(supervisord) the process, V(NAME) or V(GROUP:NAME). For V(systemd) the unit.
          - Required unless O(service.manager=none).
        type: str
      address:
        description:
          - The server URL of supervisord, V(unix:///PATH/TO/SOCKET) or V(http://USER:PASSWORD@HOST:PORT). Special characters in the
            user and password are percent-encoded.
          - Required with O(service.manager=supervisord), not allowed otherwise. It is never shown.
        type: str
      timeout:
        description:
          - Seconds for the service to stop; and to run again, where no O(health) is given.
          - With V(systemd) also for it to say that it is ready, where its unit has it do so (C(Type=notify)).
        type: float
        default: 30.0
  health:
    description:
      - The health check of the service, made on the host.
    type: dict
    suboptions:
      url:
        description:
          - The http(s) URL to get. Redirects are not followed. A user and password in it are sent as basic authentication and not shown.
        type: str
        required: true
      status:
        description:
          - The status that counts as healthy.
        type: int
        default: 200
      successes:
        description:
          - How many healthy answers in a row are needed.
        type: int
        default: 2
      interval:
        description:
          - Seconds between two probes.
        type: float
        default: 0.1
      timeout:
        description:
          - Seconds within which the service must become healthy. A single probe is given up after at most 5.
        type: float
        default: 30.0
      version_header:
        description:
          - A response header which must be equal to the version of the release.
          - It makes certain that the answer is of that release, where several processes may answer on one URL.
        type: str
      validate_certs:
        description:
          - Whether the certificate of an https URL is verified.
        type: bool
        default: true
"""
