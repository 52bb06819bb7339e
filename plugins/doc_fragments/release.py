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
          - With V(command) it is run by anything else, and O(service.commands) say how.
          - With V(none) there is no service to restart.
        type: str
        choices: [command, supervisord, systemd, none]
        required: true
      name:
        description:
          - For V(supervisord) the process, V(NAME) or V(GROUP:NAME), or all of a group, V(GROUP:*); these are restarted one after another,
            each when the one before it runs, and the rest go on with the old release if one does not. For V(systemd) the unit.
            For V(command) what messages call it.
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
          - With V(command) for each of O(service.commands); what takes longer is ended, with all that it started.
        type: float
        default: 30.0
      mode:
        description:
          - How the release gets into the service. Other modes than V(restart) are for V(systemd).
          - With V(restart) it is stopped and started.
          - With V(reload) it is told to reload (C(ExecReload=)), and its main process stays. Whether it serves the new release is then seen by
            O(health.version_header); without that there is a warning. A unit that cannot be reloaded is an error before anything is
            switched; one that is not active is started.
          - With V(instances) O(service.name) is a template, V(shop@.service), which is this app's alone. Its instance for the release, as
            V(shop@2.0.service), is started beside the one that runs, on the socket that systemd holds for both (C(Sockets=)).
            Once it is up, all other instances are stopped, and it is enabled if one of them was, or there was none.
            It is up when it has answered with O(health.version_header), else when it has stayed for O(service.min_uptime).
            If it does not come up it is stopped, and the former goes on. Characters of the version that a unit's name cannot have are escaped
            as by C(systemd-escape); C(%I) is the version.
        type: str
        choices: [restart, reload, instances]
        default: restart
      min_uptime:
        description:
          - Seconds that the new process must stay before it counts as running, where no O(health) is given. V(0) takes the supervisor's
            word at once.
        type: float
        default: 3.0
      commands:
        description:
          - The commands of V(command), lists of words, which are run without a shell. They run in the current release, with its version in
            C(STRATA_VERSION).
          - Required with O(service.manager=command), not allowed otherwise.
        type: dict
        suboptions:
          restart:
            description:
              - Restarts the service. It fails with any exit code but 0.
            type: list
            elements: str
            required: true
          status:
            description:
              - Exit code 0 says that the service runs, 3 that it is stopped, any other that it failed, as with LSB init scripts.
                If the first word that it prints is a number, that is the main process, by which the new one is told from the old one.
              - Without it the health check tells. Without both there is a warning.
            type: list
            elements: str
          log:
            description:
              - Prints the last lines that the service wrote, for errors.
            type: list
            elements: str
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
