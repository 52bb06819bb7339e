# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of every module that connects to a database."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  url:
    description:
      - The database. It is never shown, neither whole nor its password.
      - C(postgresql://USER:PASSWORD@HOST:PORT/DATABASE?OPTION=VALUE) as libpq takes it, with special characters
        percent-encoded. Connect to the server itself, for a pooler that shares sessions between transactions loses the lock.
      - C(mysql://USER:PASSWORD@HOST:PORT/DATABASE), or C(mariadb://), with the options C(socket), C(tls), C(tls_ca), C(tls_cert) and
        C(tls_key), which mean what they do in O(connection).
      - C(sqlite:///ABSOLUTE/PATH); the file is created if it is absent, its folder is not.
    type: str
  connection:
    description:
      - The database by its parts, or what is to be in place of a part of O(url).
      - Where neither has a password, it is taken from the variable C(STRATA_DATABASE_PASSWORD) of the module's own process, which
        C(environment) of a task sets. What the module runs does not see it.
    type: dict
    suboptions:
      system:
        description: The database system. V(mysql) is for MariaDB, too.
        type: str
        choices: [mysql, postgresql, sqlite]
      host:
        description: Its host.
        type: str
      port:
        description: Its port.
        type: int
      socket:
        description:
          - A UNIX socket in place of a host, over which the server may know the user by the system's account.
          - For PostgreSQL the folder that it is in.
        type: path
      database:
        description: Its name; for SQLite the absolute path.
        type: str
      user:
        description: The database's user.
        type: str
      password:
        description: The password.
        type: str
      password_file:
        description: A file on the host that has the password in its first line, and that only its owner may read.
        type: path
      tls:
        description:
          - Whether TLS is used, and how much of the server's certificate is verified, as C(sslmode) of libpq has it.
          - V(disable) is plain, V(prefer) takes TLS where the server has it, V(require) insists without looking at the certificate,
            V(verify-ca) wants one of O(connection.tls_ca), and V(verify-full) the host's name in it, too.
          - By default what the driver does by itself. V(require) with O(connection.tls_ca) is V(verify-ca), as libpq has it. A socket has no TLS.
        type: str
        choices: [disable, prefer, require, verify-ca, verify-full]
      tls_ca:
        description: The authorities that the server's certificate is verified by, in PEM form.
        type: path
      tls_cert:
        description: The client's certificate, in PEM form.
        type: path
      tls_key:
        description: The client's private key, in PEM form.
        type: path
requirements:
  - For PostgreSQL, the Python package psycopg (3.1 or later) or psycopg2 (2.8 or later) on the host that runs the module.
  - For MySQL and MariaDB, the Python package PyMySQL (1.0 or later) there.
"""
