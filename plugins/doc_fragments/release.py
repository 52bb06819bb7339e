# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules on releases say alike of their options."""

from __future__ import annotations

from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds import PROVIDERS


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
      - The service that runs the release, as a dictionary. C(manager) names the service manager; the other keys are its options.
      - Every manager has C(name), the service; C(timeout), the seconds that it may take to stop and to start, by default 30; and C(min_uptime), the
        seconds that the new process must stay before it counts as running, if no O(health) is given, by default 3.
      - With V(manager=supervisord), C(name) is a process, C(NAME) or C(GROUP:NAME), or all processes of a group, C(GROUP:*). C(address) is the server
        URL, C(unix:///PATH/TO/SOCKET) or C(http://USER:PASSWORD@HOST:PORT). It is required, and never shown.
      - With V(manager=systemd), C(name) is a service unit. C(mode) says how the release gets into it. V(restart) (the default) stops and starts
        the unit, and with it the units that systemd stops together with it.
        V(reload) reloads it. V(instances) starts an instance of a template unit for the release, beside the one that runs, and then stops the latter.
      - With V(manager=command), C(name) is what messages call it. C(commands) has C(restart), and may have C(status) and C(log), each a list of words
        that is run without a shell in the current release.
      - With V(manager=none) there is no service to restart.
      - The collection's page C(docs/providers/service.md) lists all managers and options, and C(docs/services.md) says what is verified with each.
      - An unknown option is an error before anything is changed.
    type: dict
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

    # The choices come from the registry, so that a new kind needs no change here.
    # Annotated, because the sanity tests read assignments of literals only.
    KIND: str = r"""
options:
  kind:
    description:
      - What the artifact is. Used with O(state=staged); of a release that is staged it is known.
      - An V(archive) is unpacked from O(url); what runs it is O(service).
      - A V(container) is made of O(image), or of the file under O(url) that C(docker save) wrote, by Docker on the host. When the release is
        activated, its container is created beside the one that runs, which is then stopped, and kept, and the new one started.
        O(service) is left out, or has the manager V(none); its C(timeout) is for the old container to end, its C(min_uptime) for the new one.
        Where Docker does not start the new container the old one is started again.
      - A V(package) is installed by apt when the release is activated, from what was downloaded when it was staged, and so is the earlier one
        in a rollback. What it needs in one version and no other comes and goes with it. No package but those of this app's releases is removed for
        it, and changed configuration files are kept. The repository's signature vouches for it.
      - The collection's page C(docs/providers/artifact_kind.md) lists all kinds, with their options.
      - Where the kind changes from one release to the next, what ran the former one is to be stopped by O(quiesce).
    type: str
    choices: [CHOICES]
    default: archive
  kind_options:
    description:
      - The options of the O(kind), as a dictionary. An unknown one is an error before anything is fetched.
      - Those of V(container) and V(package) may be in O(container) and O(package) instead.
    type: dict
""".replace("CHOICES", ", ".join(sorted(PROVIDERS)))
