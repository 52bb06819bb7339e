# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that the migration modules share."""

from __future__ import annotations

import json

from ansible_collections.strata.deploy.plugins.module_utils._database.engines import PROVIDERS

# The engines describe themselves, so a new one changes nothing here.
CHOICES = "\n".join(
    f"      {name}: {json.dumps((engine.__doc__ or '').splitlines()[0])}"
    for name, engine in sorted(PROVIDERS.items())
)
OPTIONS = "; ".join(
    f"V({name}) has {', '.join(f'C({option})' for option in sorted(engine.OPTIONS)) or 'none'}"
    for name, engine in sorted(PROVIDERS.items())
)


class ModuleDocFragment:
    # Annotated, because the sanity tests read assignments of literals only.
    DOCUMENTATION: str = (
        r"""
options:
  engine:
    description:
      - What applies migrations. Each engine has a page in the collection's docs/engines.
      - All engines but V(sql) have a tool of the release migrate, from the folder of the release.
    type: str
    choices:
"""
        + CHOICES
        + r"""
    default: sql
  options:
    description:
      - The engine's own options, by name. Its page in docs/engines says what they mean. An option that the engine does not have is refused.
      - "Of the engines """
        + OPTIONS
        + r"""."
      - A program or an interpreter is looked for on the C(PATH) or, where its name has a slash in it, in the release.
      - A command of V(command) is a list of words, or a string that is split into words; no shell runs. A secret belongs in O(environment),
        not here.
    type: dict
    default: {}
  folder:
    description:
      - For O(engine=sql) and O(engine=dbmate), whose folder is always one within the release.
      - Absolute path of the folder on the host that holds the release's migrations, all of them, old and new.
      - With O(archive), the folder within the archive, relative.
      - Migrations are its C(*.sql) files in the form of dbmate (U(https://github.com/amacneil/dbmate#creating-migrations)).
        A name begins with the version, a number; C(-- migrate:up) begins the SQL that applies the migration and
        C(-- migrate:down) the SQL that takes it back. C(transaction:false) behind a marker is obeyed.
      - "Comments that dbmate passes over say more, each on a line of its own: C(-- strata: phase=contract) that the migration is for the
        contract phase, C(-- strata: no-transaction) that it cannot run in a transaction, C(-- strata: lock_timeout=5s) and
        C(-- strata: statement_timeout=10min) what is to hold in place of O(strata.deploy.migration#module:lock_timeout) and
        O(strata.deploy.migration#module:statement_timeout), and
        C(-- strata: allow=RULE,RULE because REASON) lets through what rules of the linter would refuse; one of squawk's is C(squawk/RULE)."
    type: str
  archive:
    description:
      - The release's artifact, a tar or zip, as in O(strata.deploy.release#module:url). O(source) says how it is fetched.
      - A relative path is a file on the controller, below the folder that C(ansible-playbook) runs in. It is copied to the host's folder for
        temporary files. With O(source) it is verified on the controller first, and what is a path in O(source) is one there.
      - With O(engine=sql) it is verified and read, and not unpacked. A user, password or query in the URL is never shown.
      - With the other engines, it is what the tool is run from where the release is not staged under O(path), as before a
        deployment has staged it. It is unpacked for as long as that takes, in a private folder for temporary files that
        O(user) may read; the release's links to shared paths are not there.
    type: str
  checksum:
    description:
      - Checksum of O(archive), as in O(strata.deploy.release#module:checksum).
      - Required with O(archive).
    type: str
  source:
    description:
      - How O(archive) is fetched, and what it must be signed with, as for M(strata.deploy.release). Nothing of an archive is read or run
        before it is verified, also in check mode.
    type: dict
    suboptions:
      signature:
        description:
          - As O(strata.deploy.release#module:signature). The tool that verifies it must be on the host.
        type: dict
      source_options:
        description:
          - As O(strata.deploy.release#module:source_options).
        type: dict
      headers:
        description:
          - As O(strata.deploy.release#module:headers).
        type: dict
        default: {}
      username:
        description:
          - As O(strata.deploy.release#module:username).
        type: str
      password:
        description:
          - As O(strata.deploy.release#module:password).
        type: str
      client_cert:
        description:
          - As O(strata.deploy.release#module:client_cert).
        type: path
      client_key:
        description:
          - As O(strata.deploy.release#module:client_key).
        type: path
      ca_path:
        description:
          - As O(strata.deploy.release#module:ca_path).
        type: path
      validate_certs:
        description:
          - As O(strata.deploy.release#module:validate_certs).
        type: bool
        default: true
      fetch:
        description:
          - As O(strata.deploy.release#module:fetch). M(strata.deploy.migration_info) refuses V(controller).
        type: str
        choices: [host, controller]
        default: host
      fetch_timeout:
        description:
          - As O(strata.deploy.release#module:fetch_timeout).
        type: float
        default: 30.0
      fetch_retries:
        description:
          - As O(strata.deploy.release#module:fetch_retries).
        type: int
        default: 3
      plain_http:
        description:
          - As O(strata.deploy.release#module:plain_http).
        type: bool
        default: false
  path:
    description:
      - The folder of the app on the host, as in O(strata.deploy.release#module:path). For the engines that run a tool.
      - It is run in C(releases/VERSION) of it, where that is staged and, with O(archive), is that very build.
    type: path
  release:
    description:
      - The release that brings the migrations. O(engine=sql) records it with them.
      - With the others, the version to be found under O(path); by default the one that C(current) leads to.
    type: str
    default: ""
  user:
    description:
      - The user on the host that tools are run as, the application's. By default it is the one that the module is run as.
      - Root does not run what another user can change. Where the staged release belongs to another user this is required.
      - The module has to be run as root for another.
    type: str
  environment:
    description:
      - Variables of the tools, on top of the module's own.
      - Passwords of six and more characters are blotted out of every answer, wherever they stand. These are the values of variables
        whose name has C(password), C(passwd), C(passphrase), C(pwd), C(secret), C(token) or C(credential) in it, C(pass) at the end of
        a word, or C(key) at its end, and in any value the password of a URL and the parameters of such a name, as in
        C(host=db password=...). A value with a line break at its end counts without it, too, and each line of six and more
        characters by itself.
      - Other values of six and more characters, and shorter passwords, are blotted out of what a command says as it fails, and only as whole
        words, where no letter, digit, C(_) or C(-) adjoins them. Absolute paths are left there, and so are the names of migrations
        in RV(strata.deploy.migration#module:applied) and the like.
    type: dict
  timeout:
    description:
      - Seconds that each command may take. It is then told to end, with all that it has started, and what of it is left 5 seconds later is killed.
    type: float
    default: 1800
  lock:
    description:
      - Where other migrators are locked out.
      - V(database) holds a lock of the database's own around every engine, on a connection by O(url) or O(connection). That is an advisory lock of
        the session in PostgreSQL, C(GET_LOCK) in MySQL and MariaDB, and for SQLite, whose file has one host, a lock there.
      - V(host) is for a database that only the tool knows, which then needs no O(url), and locks out the migrators of the same O(path)
        on this host alone.
    type: str
    choices: [database, host]
    default: database
"""
    )
