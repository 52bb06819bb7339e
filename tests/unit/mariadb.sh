#!/bin/sh
# Has the programs of MariaDB here, which no package index has: installs them on Debian and Ubuntu, where root asks.
set -eu

PATH=$PATH:/usr/sbin
if command -v mysqldump >/dev/null && { command -v mariadbd >/dev/null || [ -n "${STRATA_TEST_MYSQL_URL:-}" ]; }; then
    exit
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "MariaDB is not here (Debian, Ubuntu: sudo apt-get install mariadb-server-core mariadb-client): its tests are skipped." >&2
    exit
fi
echo "Installing MariaDB's programs"
apt-get update --quiet=2
DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --yes --no-install-recommends mariadb-server-core mariadb-client >/dev/null
