# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of every module that connects to a database."""

from __future__ import annotations

from ansible_collections.strata.deploy.plugins.module_utils._database.databases import PROVIDERS

# The database systems describe themselves, so a new one changes nothing here.
URLS = "\n".join(
    f"      - V({name}) is {(system.__doc__ or '').splitlines()[0]} The URL begins with "
    + " or ".join(f"C({scheme}://)" for scheme in sorted(system.SCHEMES))
    + f". Its parts in O(connection) are {', '.join(f'C({option})' for option in sorted(system.OPTIONS))}."
    for name, system in sorted(PROVIDERS.items())
)


class ModuleDocFragment:
    # Annotated, because the sanity tests read assignments of literals only.
    DOCUMENTATION: str = (
        r"""
options:
  url:
    description:
      - The database. It is never shown, neither whole nor its password. Each database system has a page in the collection's docs/databases.
"""
        + URLS
        + r"""
      - A server's URL is C(SCHEME://USER:PASSWORD@HOST:PORT/DATABASE?OPTION=VALUE), with special characters percent-encoded. Connect to the
        server itself, because a pooler that shares sessions between transactions loses the lock.
      - For SQLite it is C(sqlite:///ABSOLUTE/PATH). The file is created if it is absent; its folder is not.
    type: str
  connection:
    description:
      - The database by its parts, or what is to be in place of a part of O(url).
      - C(system) is the database system. It may be left out where there is a O(url).
      - The other parts are the system's own, as O(url) lists them. A part that the system does not have is refused.
      - C(socket) is a UNIX socket in place of C(host), over which the server may know the user by the system's account. For PostgreSQL it
        is the folder that the socket is in.
      - C(password_file) is a file on the host that has the password in its first line, and that only its owner may read.
      - C(tls) says whether TLS is used, and how much of the server's certificate is verified, as C(sslmode) of libpq does. V(disable) is
        plain, V(prefer) takes TLS where the server has it, V(require) insists without looking at the certificate, V(verify-ca) wants one of
        C(tls_ca), and V(verify-full) the host's name in it, too. By default the driver decides. V(require) with C(tls_ca) is
        V(verify-ca). A socket has no TLS.
      - C(tls_ca) has the authorities that the server's certificate is verified by, C(tls_cert) and C(tls_key) the client's certificate and
        its private key, all in PEM form.
    type: dict
  password:
    description:
      - The password where neither O(url) nor O(connection) has one, for replicas too.
      - By default it is the variable C(STRATA_DATABASE_PASSWORD) of the task's C(environment). The controller takes it from there and gives
        it to the module as this option, because Ansible shows a task's environment in the process list of the host and with C(-vvv).
        What the module runs does not see it.
    type: str
requirements:
  - For PostgreSQL, the Python package psycopg (3.1 or later) or psycopg2 (2.8 or later) on the host that runs the module.
  - For MySQL and MariaDB, the Python package PyMySQL (1.0 or later) there.
"""
    )
