#!/usr/bin/python
# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release
short_description: Stage, activate, roll back and prune releases of an app on a host
version_added: 0.1.0
author: The Strata authors (@strata)
description:
  - Each state is reached in one execution on the host.
  - What is about to be done is on disk before it is done. A run that is killed at any point is finished or cleaned up by the next one.
  - The artifact is an archive, an image that Docker runs, or a package of the host's distribution, which is O(kind).
  - Where another tool has left the same folders (Capistrano, Ansistrano, deploy_helper), its releases are taken over where they lie, once
    C(current) leads to one of them. That one and those before it can be rolled back to; not those that C(revisions.log) does not know
    or that it has as rolled back from, that have a file C(DEPLOY_UNFINISHED), or that are newer. None is deleted before O(prune_adopted) says so.
  - A release is V(staged), V(good) (it was current and healthy), or V(bad) (its activation failed, it was rolled back, or it
    could not be deleted).
extends_documentation_fragment:
  - strata.deploy.release
  - strata.deploy.release.kind
options:
  state:
    description:
      - V(staged) fetches the artifact, verifies it, and puts it beside the current release, which is not touched.
        A version that is there with the same checksum is left as it is; with another one it is replaced,
        unless it is current or the one that a rollback would lead to.
      - V(active) makes O(version) current by one atomic rename, restarts O(service), and waits until O(health) is met by the new process.
        Then the release is good, and superfluous ones are deleted.
        A version that is current, good and healthy already is left as it is. If the activation fails, the release is marked bad and stays current.
      - V(rolled_back) marks the current release bad and makes the last good one current in the same way, or O(version).
        Releases that are bad or never were active are passed over. A target that does not become healthy stays good, and the
        rollback unfinished, to be taken up by the next run.
      - V(pruned) deletes superfluous releases.
      - V(failed) is for what is found wrong with O(version) outside of this module, in a hook for instance. If the release is current or
        half activated it is marked bad with O(reason), as by an activation that fails. The module always fails then, with O(reason).
    type: str
    choices: [staged, active, rolled_back, pruned, failed]
    required: true
  version:
    description:
      - The version, which is also the name of the release's folder. Letters, digits, V(.), V(_), V(+) and V(-), beginning with a letter or digit.
      - Required with O(state=staged), O(state=active) and O(state=failed).
    type: str
  image:
    description:
      - The image, with its digest, V(REGISTRY/NAME@sha256:HEX).
      - One without a digest is taken only with O(checksum=unverified).
      - This, or O(url), is required with O(kind=container), and used with no other.
    type: str
  container:
    description:
      - How the container is made, with O(kind=container). Another specification makes another build of the version.
      - It is named after O(container.name) and O(version), and labelled with O(path) and O(version).
    type: dict
    suboptions:
      name:
        description:
          - What the containers' names begin with; by default the name of the folder O(path).
        type: str
        default: ""
      ports:
        description:
          - Ports that are published, as C(docker create --publish) takes them, for instance V(127.0.0.1:8080:80).
        type: list
        elements: str
        default: []
      volumes:
        description:
          - Volumes and folders that are mounted, as C(docker create --volume) takes them.
        type: list
        elements: str
        default: []
      environment:
        description:
          - Environment variables, which may be secret. They lie in a file of mode 0600 in the release's folder, and are not shown.
            Who may use Docker can read them.
        type: dict
        default: {}
      network:
        description:
          - The network that it is in, which must exist; by default Docker's own.
        type: str
        default: ""
      command:
        description:
          - The command that it runs, in place of the image's.
        type: list
        elements: str
        default: []
      user:
        description:
          - The user that it runs as, in place of the image's.
        type: str
        default: ""
      restart:
        description:
          - When Docker starts it again, V(no), V(always), V(unless-stopped), V(on-failure) or V(on-failure:COUNT).
          - Only the container of the current release has it.
        type: str
        default: unless-stopped
      labels:
        description:
          - Labels of the container.
        type: dict
        default: {}
      options:
        description:
          - Further words for C(docker create), for instance V(--memory=512m).
        type: list
        elements: str
        default: []
      registry:
        description:
          - The login for the image's registry. By default it is what Docker's configuration on the host has.
        type: dict
        suboptions:
          username:
            description: The user.
            type: str
            required: true
          password:
            description: The password or token, which is on no command line and stays on the host only while the image is fetched.
            type: str
            required: true
  package:
    description:
      - The package, with O(kind=package).
    type: dict
    suboptions:
      name:
        description:
          - Its name.
        type: str
        required: true
      version:
        description:
          - Its version, as apt has it; by default O(version).
        type: str
  url:
    description:
      - The artifact, an archive whose top is the top of the release, unless O(strip).
      - Either an http(s) URL; an absolute path on the host; or C(oci://REGISTRY/NAME:TAG) or C(oci://REGISTRY/NAME@sha256:HEX), an
        artifact in a registry. Of an artifact of several files, C(#TITLE) at the end names the one with that title.
      - A tar, plain or compressed with gzip, bzip2, xz or zstd, or a zip; which of them is told by its content. For zstd the host
        needs Python 3.14 or the program C(zstd). A tar is unpacked as it comes; a zip needs room on the host's disk for itself too, meanwhile.
      - A user and password in a URL are sent as basic authentication. They, and the query of a URL, are neither shown nor recorded.
      - A download that breaks is taken up where it broke, if the server can do that, and is else begun anew. The proxies of the host's
        environment are used (E(HTTP_PROXY), E(HTTPS_PROXY), E(NO_PROXY)).
      - Refused in it are absolute paths, paths with C(..), links that lead out of the release or have C(..) after a name, entries
        written through a link, names that occur twice, devices and other special files, sparse files, setuid and setgid files,
        encrypted entries, and whatever can be read in two ways.
        Files and folders lose write permission for group and others, unless O(file_mode) and O(folder_mode) say otherwise.
        Owners, times and extended attributes in it are passed over.
      - Required with O(state=staged) and O(kind=archive).
    type: str
  checksum:
    description:
      - The artifact's checksum, V(sha256:HEX) or V(sha512:HEX). The literal V(unverified) does without.
      - Or the http(s) URL, or absolute path on the host, of a list of checksums as C(sha256sum) and C(sha512sum) write it, with a line for the
        artifact's file name.
      - Required with O(state=staged) and O(url). With O(kind=package) it is that of the package's file, and may be left out.
    type: str
  signature:
    description:
      - What the artifact must be signed with, by a detached signature. Without a good one it is refused, whatever its checksum.
      - It is verified when the artifact is fetched. A version that is staged already is not fetched again.
      - A dictionary. C(format) names what verifies the signature; the other keys are its options. V(format=minisign) runs C(minisign), V(format=gpg) runs
        C(gpgv), V(format=ssh) runs C(ssh-keygen); the host must have that program.
      - Every format has C(key) and C(url). C(key) is the public key, or the absolute path of a file with it on the host, and is required. C(url) is
        where the signature is, a URL that O(url) could be too. By default it is beside O(url), with C(.asc), C(.minisig) or C(.sig) at the end; where the
        artifact is in a registry it must be given.
      - For V(format=gpg), C(key) is one or more keys as C(gpg --armor --export) writes them, or a keyring. Keys that have expired or were revoked are refused.
      - For V(format=minisign), C(key) is the public key's file or the line in it that begins with C(RW). C(comment) is words that the signature's trusted
        comment must have side by side, for instance V(shop 2.0). The comment is signed too, and so binds name and version.
      - For V(format=ssh), C(key) is a public key, or a list of allowed signers, of whom C(identity) must have signed. C(namespace) is what the signature
        must have been made for, as in C(ssh-keygen -Y sign -n), by default V(file).
      - The collection's page C(docs/providers/signature.md) lists all formats and options. An unknown option is an error before anything is fetched.
    type: dict
  source_options:
    description:
      - Further options of the source that O(url) names, as a dictionary. The sources of this collection have none; an unknown option is an error.
    type: dict
  headers:
    description:
      - Headers to send to the server of O(url). A redirect to another server does not get them. They are never shown.
    type: dict
    default: {}
  username:
    description:
      - The user for basic authentication, also for tokens of a registry.
    type: str
  password:
    description:
      - The password of O(username).
    type: str
  client_cert:
    description:
      - A client certificate on the host, in PEM. Its key may be in the same file.
    type: path
  client_key:
    description:
      - The key of O(client_cert), without a passphrase.
    type: path
  ca_path:
    description:
      - The certificates to trust, a file on the host in PEM. By default the host's.
    type: path
  validate_certs:
    description:
      - Whether the server's certificate is verified.
    type: bool
    default: true
  fetch:
    description:
      - Who fetches the artifact. With V(host) each host does, and what is a path in O(url) and the options beside it is one on the host.
      - With V(controller) the controller does, once a run for all hosts, and verifies it; each host that does not have this build yet gets it
        over its connection, and compares the checksum again. Paths are ones on the controller then. The artifact lies in Ansible's folders for
        temporary files meanwhile (C(local_tmp), C(remote_tmp)). The task cannot be C(async) then.
    type: str
    choices: [host, controller]
    default: host
  origin:
    description:
      - What is recorded as the artifact's origin, where O(url) does not say it. Given by the controller with O(fetch=controller).
    type: str
  fetch_timeout:
    description:
      - Seconds for which a server may be silent.
    type: float
    default: 30.0
  fetch_retries:
    description:
      - How often in all a download is tried again after a broken connection, a timeout, a status 429, or one above 499 but 501.
        The waits between grow, or are what the server asks for with C(Retry-After), up to a minute.
    type: int
    default: 3
  plain_http:
    description:
      - Whether a registry is asked without TLS. One on localhost always is.
    type: bool
    default: false
  shared:
    description:
      - Files and folders in the release that become links to the same path under C(shared/). Used with O(state=staged).
      - A path without a slash at its end, and not within another one.
      - What C(shared/) has at the path is used. If it has nothing there, the artifact's own file or folder is copied there, with its content,
        owner and mode. If the artifact has nothing either, a folder is made that belongs to whom the release does.
      - It is an error if one of them has a file there and the other one a folder.
      - A release is linked when it is unpacked. Changing the list has an effect from the next version on.
    type: list
    elements: str
    default: []
  shared_files:
    description:
      - Like O(shared), for paths that are files. It is an error if neither C(shared/) nor the artifact has the file, and nothing is made then.
      - In check mode the artifact is not fetched, and a file that C(shared/) lacks is a warning.
    type: list
    elements: str
    default: []
  files:
    description:
      - Files that are written into the release, whatever the artifact has there, for instance an environment file. Used with O(state=staged).
      - Their contents are neither shown nor recorded, but a digest is. A release that was staged with other files is staged again;
        but one that is current, or that a rollback would lead to, is never changed, and the module fails. Give the new files a version of their
        own then, with the same artifact; a rollback brings the former files back too.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description:
          - Where the file lies in the release, relative to it, and not in one of O(shared) or O(shared_files).
        type: str
        required: true
      content:
        description:
          - What it holds.
        type: str
        required: true
      mode:
        description:
          - Its mode, four octal digits in quotes.
        type: str
        default: "0640"
      owner:
        description:
          - The name of its owner; without it, that of the release.
        type: str
      group:
        description:
          - The name of its group; without it, that of the release.
        type: str
  max_bytes:
    description:
      - The most bytes that the artifact may have, packed and unpacked.
    type: int
    default: 2147483648
  max_entries:
    description:
      - The most entries that the artifact may have.
    type: int
    default: 100000
  strip:
    description:
      - Take off the one folder that everything in the artifact lies in, as the archives of code forges have it.
        An artifact that has anything beside it is refused. Used with O(state=staged), as the options below up to O(folder_mode) are;
        all of them have an effect from the next version on.
    type: bool
    default: false
  setuid:
    description:
      - What is done about a setuid or setgid file in the artifact. V(refuse) refuses the artifact, V(drop) takes the bits away.
        Folders always lose them.
    type: str
    choices: [refuse, drop]
    default: refuse
  owner:
    description:
      - Who the release is to belong to, a name or a number. Without it, who runs the module.
    type: str
  group:
    description:
      - The group that the release is to belong to, a name or a number. Without it, that of who runs the module.
    type: str
  file_mode:
    description:
      - The mode of the release's files, octal and in quotes, for instance V("0640"). Files that their owner may execute in the artifact
        may then be executed by all who may read them, V("0750") here. Without it, each file's own mode in the artifact.
    type: str
  folder_mode:
    description:
      - The mode of the release's folders, octal and in quotes, for instance V("0750"). Without it, each folder's own mode in the artifact.
    type: str
  keep:
    description:
      - How many good releases are kept when O(state=active) has succeeded, or by O(state=pruned). Of those that are bad, and of those that
        never were active, the last one is kept.
      - The current release, the one that a rollback leads to, and one that an unfinished run names are always kept.
      - What cannot be deleted, as files that a service has written as another user, fails nothing. A warning names it, and each later run
        tries again.
      - With O(state=staged) those that will be superfluous go before, if the disk would not hold the new one. Its size is what
        the source tells, or at least that of the release staged last. If that would not make room for it, nothing is deleted nor fetched, and
        the module fails.
    type: int
    default: 5
  prune:
    description:
      - Whether O(state=active) deletes superfluous releases; if not, O(state=pruned) can later.
    type: bool
    default: true
  prune_adopted:
    description:
      - Whether releases that another tool made count for O(keep), and are deleted, like the others.
    type: bool
    default: false
  link_only:
    description:
      - Whether O(state=active) and O(state=rolled_back) end once C(current) leads to the release, before its service is restarted. The next run
        with the same state and O(deployment) takes it up there.
    type: bool
    default: false
  quiesce:
    description:
      - A command, as a list, that is run on the host before the current release is left and the service restarted. For instance, to have a worker
        finish the job in hand.
      - If it fails with O(state=active), nothing is switched. With O(state=rolled_back) its failure is a warning.
    type: list
    elements: str
    default: []
  quiesce_timeout:
    description:
      - Seconds that O(quiesce) may take before it is ended, with all that it started.
    type: float
    default: 60.0
  deployment:
    description:
      - What the release is recorded as deployed by, for instance the name of a deployment and of a person.
    type: str
  reason:
    description:
      - Why the release that O(state=rolled_back) leaves, or of which O(state=failed) tells, is marked bad. One that is bad already keeps its reason.
      - Required with O(state=failed).
    type: str
attributes:
  check_mode:
    support: full
    description:
      - With O(state=staged) it looks up whether the artifact, its list of checksums and its signature are there;
        whether these are right is seen only when it is fetched.
        Of a package that apt does not know it asks the repositories, and leaves apt's own lists as they are.
      - With O(state=active) a version that is not staged yet is taken to be.
  diff_mode:
    support: full
    description: Shows the current version and the state of each release.
  idempotent:
    support: partial
    description: With O(state=rolled_back) and no O(version), each finished run goes back further. Give the version to have it once.
seealso:
  - module: strata.deploy.release_info
  - module: strata.deploy.http_health
"""

EXAMPLES = r"""
- name: Stage 2.0 beside the running release
  strata.deploy.release:
    path: /srv/shop
    version: "2.0"
    state: staged
    url: https://builds.example.com/shop-2.0.tar.gz
    checksum: sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    shared: [uploads]
    shared_files: [config/secrets.json]
    files:
      - path: .env
        content: "{{ lookup('ansible.builtin.template', 'env.j2') }}"
        group: shop

- name: Stage 2.0 from a registry, signed by a key of the team
  strata.deploy.release:
    path: /srv/shop
    version: "2.0"
    state: staged
    url: oci://registry.example.com/team/shop:2.0#shop-2.0.tar.gz
    username: deploy
    password: "{{ registry_password }}"
    checksum: https://builds.example.com/shop-2.0/SHA256SUMS
    signature:
      format: minisign
      key: RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3
      url: https://builds.example.com/shop-2.0/shop-2.0.tar.gz.minisig
      comment: shop 2.0

- name: Activate 2.0
  strata.deploy.release:
    path: /srv/shop
    version: "2.0"
    state: active
    service:
      manager: systemd
      name: shop.service
    health:
      url: http://127.0.0.1:8001/health
      version_header: X-Version

- name: Stage an image, and how its container is to be made
  strata.deploy.release:
    path: /srv/shop
    version: "2.0"
    state: staged
    kind: container
    image: registry.example.com/shop@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    container:
      ports: ["127.0.0.1:8080:80"]
      volumes: ["/srv/shop/shared/uploads:/uploads"]
      environment:
        DATABASE_URL: "{{ shop_database_url }}"

- name: Stage a package
  strata.deploy.release:
    path: /srv/shop
    version: "2.0"
    state: staged
    kind: package
    package:
      name: shop
      version: 2.0-1

- name: Go back to the last good release
  strata.deploy.release:
    path: /srv/shop
    state: rolled_back
    reason: Orders are slow
    service:
      manager: systemd
      name: shop.service
    health:
      url: http://127.0.0.1:8001/health

- name: Delete superfluous releases, those that Capistrano made too
  strata.deploy.release:
    path: /srv/shop
    state: pruned
    keep: 3
    prune_adopted: true
"""

RETURN = r"""
untouched:
  description:
    - Whether nothing on the host was changed, so that what ran goes on running. Not there where the module crashed.
    - With O(state=active), O(state=rolled_back) and O(state=failed) the state on disk must say so, too. It is false unless RV(current) is a
      good release and RV(pending) is null, whoever has changed that.
  returned: on failure
  type: bool
  sample: true
current:
  description:
    - The release that the link C(current) points to, as read from disk after the failure, in the form of
      RV(strata.deploy.release_info#module:current). Null where there is none, and where it cannot be read.
    - Not there where the module crashed, nor where the controller could not fetch the artifact with O(fetch=controller).
  returned: on failure
  type: dict
  sample: {"version": "1.0", "state": "good", "since": "2026-02-03T10:11:12Z", "checksum": "unverified", "deployed_by": null}
pending:
  description:
    - An activation or rollback that is not finished, as read from disk after the failure, in the form of
      RV(strata.deploy.release_info#module:pending), or null.
    - Not there where RV(current) is not.
  returned: on failure
  type: dict
  sample: null
version:
  description:
    - The version that is staged, active or gone back to; after a failed activation, the one that failed.
    - With O(state=pruned), the one that is current, or null.
  returned: always, unless nothing was tried
  type: str
  sample: "2.0"
previous:
  description: With O(state=staged), the version that is current; otherwise the one that was left, or null if none was.
  returned: always, unless nothing was tried
  type: str
  sample: "1.0"
state:
  description: What the release RV(version) is now recorded as. Either V(staged), V(good) or V(bad).
  returned: always, unless nothing was tried
  type: str
  sample: good
seconds:
  description: How long it took, in seconds.
  returned: success
  type: float
  sample: 1.32
service:
  description: The service after it was restarted or found to be running, or the container; null without one.
  returned: success
  type: dict
  contains:
    name:
      description: Its name.
      type: str
      sample: shop.service
    manager:
      description: Its supervisor; V(docker) for a container.
      type: str
      sample: systemd
    state:
      description: Either V(running), V(starting), V(stopped), V(failed), or V(unknown) where nothing tells; in check mode, what it is before.
      type: str
      sample: running
    pid:
      description: The id of its main process, or null.
      type: int
      sample: 4711
health:
  description: How the release became healthy; null without O(health), and in check mode if it would have to be activated.
  returned: success
  type: dict
  contains:
    attempts:
      description: How many probes were made.
      type: int
      sample: 4
    seconds:
      description: Seconds from the restart until it was healthy.
      type: float
      sample: 0.42
    healthy:
      description: Always true.
      type: bool
      sample: true
    status:
      description: The status of the last answer.
      type: int
      sample: 200
    version:
      description: What O(health.version_header) said, or null.
      type: str
      sample: "2.0"
    detail:
      description: The last answer, in words.
      type: str
      sample: status 200
pruned:
  description: The versions that were deleted.
  returned: success
  type: list
  elements: str
  sample: ["1.0"]
log:
  description: The last lines that the service wrote, up to 20 of each of its logs.
  returned: when the service was restarted and failed, or apt failed
  type: list
  elements: str
  sample: ["OSError: [Errno 98] Address already in use"]
last:
  description: The last answer of the health URL, in words.
  returned: when the service was not healthy in time
  type: str
  sample: "status 500 instead of 200: no database"
"""

import time
from copy import deepcopy
from dataclasses import asdict
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.activation import ensure_active
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.arguments import (
    KIND,
    ON_HOST,
    SOURCE,
    artifact,
    conceal,
    health_check,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.bring_up import Activation
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.description import state_on_disk
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.failure import fail
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.files import RenderedFile
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.outcome import ReleaseChange
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.pruning import ensure_pruned
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.rollback import (
    ensure_rolled_back,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.staging import ensure_staged
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services import service_options
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

OPTIONS = {
    **ON_HOST,
    "state": {
        "type": "str",
        "required": True,
        "choices": ["staged", "active", "rolled_back", "pruned", "failed"],
    },
    "version": {"type": "str"},
    **KIND,
    "url": {"type": "str", "no_log": True},
    "checksum": {"type": "str", "no_log": True},
    "fetch": {"type": "str", "default": "host", "choices": ["host", "controller"]},
    "origin": {"type": "str"},
    **SOURCE,
    "shared": {"type": "list", "elements": "str", "default": []},
    "shared_files": {"type": "list", "elements": "str", "default": []},
    # All of it, for a host's log would show contents of several lines.
    "files": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "no_log": True,
        "options": {
            "path": {"type": "str", "required": True},
            "content": {"type": "str", "required": True, "no_log": True},
            "mode": {"type": "str", "default": "0640"},
            "owner": {"type": "str"},
            "group": {"type": "str"},
        },
    },
    "keep": {"type": "int", "default": 5},
    "prune": {"type": "bool", "default": True},
    "prune_adopted": {"type": "bool", "default": False},
    "link_only": {"type": "bool", "default": False},
    "quiesce": {"type": "list", "elements": "str", "default": [], "no_log": True},
    "quiesce_timeout": {"type": "float", "default": 60.0},
    "deployment": {"type": "str"},
    "reason": {"type": "str"},
}


def take_files(options: dict) -> tuple:
    """The files to render; their contents do not stay among the options, which are shown."""
    return tuple(RenderedFile(content=each.pop("content"), **each) for each in options["files"])


def ensure(options: dict[str, Any], files: tuple, check_mode: bool) -> ReleaseChange:
    """Reach the wanted state."""
    path, version = options["path"], options["version"]
    if options["state"] == "staged":
        return ensure_staged(
            path,
            version,
            artifact(options),
            shared=tuple(options["shared"]),
            shared_files=tuple(options["shared_files"]),
            files=files,
            keep=options["keep"],
            at_most=2 * options["max_bytes"],
            deployment=options["deployment"],
            check_mode=check_mode,
        )
    if options["state"] == "pruned":
        return ensure_pruned(
            path, keep=options["keep"], adopted=options["prune_adopted"], check_mode=check_mode
        )
    if options["state"] == "failed":
        fail(path, version, options["reason"], check_mode=check_mode)
    how = Activation(
        service_options(options["service"]),
        health_check(options["health"]),
        tuple(options["quiesce"]),
        options["quiesce_timeout"],
        options["deployment"],
    )
    if options["state"] == "active":
        return ensure_active(
            path,
            version,
            how,
            keep=options["keep"] if options["prune"] else None,
            adopted=options["prune_adopted"],
            link_only=options["link_only"],
            check_mode=check_mode,
        )
    return ensure_rolled_back(
        path, version, how, reason=options["reason"], link_only=options["link_only"], check_mode=check_mode
    )


def state_after(error: StrataError, options: dict[str, Any]) -> dict[str, Any]:
    """What a failure tells of the host: only the state on disk knows what others have done to it."""
    found = state_on_disk(options["path"])
    runs_on = options["state"] in ("staged", "pruned") or found.is_settled
    return {"untouched": runs_on and not error.details.get("changed"), **asdict(found)}


def main() -> None:
    module = AnsibleModule(
        argument_spec=OPTIONS,
        required_if=[
            ("state", "staged", ("version",)),
            ("state", "active", ("version",)),
            ("state", "failed", ("version", "reason")),
        ],
        supports_check_mode=True,
    )
    options = deepcopy(module.params)
    conceal(module.no_log_values, module.params)
    files = take_files(module.params)
    started = time.monotonic()
    try:
        outcome = ensure(options, files, module.check_mode)
    except StrataError as error:
        module.fail_json(msg=str(error), **{**error.details, **state_after(error, options)})
    for warning in outcome.warnings:
        module.warn(warning)
    module.exit_json(
        changed=outcome.changed,
        diff={"before": outcome.before, "after": outcome.after},
        version=outcome.version,
        previous=outcome.previous,
        state=outcome.state,
        seconds=round(time.monotonic() - started, 3),
        service=outcome.service,
        health=outcome.health,
        pruned=outcome.pruned,
    )


if __name__ == "__main__":
    main()
