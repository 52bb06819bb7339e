#!/bin/sh
# Installs the programs that the tests run and PyPI does not have. As root on Debian or Ubuntu it installs what is missing;
# elsewhere it says what is missing, and fails.
# Usage: tests/packages.sh [PROGRAM...]    checks these programs only
set -eu

programs=${*:-bzip2 docker-registry git gpg gpgv haproxy ldd mariadb mariadb-dump mariadbd minisign perl ssh-keygen xz zip zstd}

# The package of Debian and Ubuntu that has a program.
package() {
    case $1 in
        dpkg-deb) echo dpkg ;;
        gpg) echo gnupg ;;
        ldd) echo libc-bin ;;
        mariadb | mariadb-dump) echo mariadb-client ;;
        mariadbd) echo mariadb-server-core ;;
        perl) echo perl-base ;;
        ssh | ssh-keygen) echo openssh-client ;;
        xz) echo xz-utils ;;
        *) echo "$1" ;;
    esac
}

PATH=$PATH:/usr/sbin:/sbin # where Debian has servers, and an ordinary user's PATH does not lead
missing=
packages=
for program in $programs; do
    command -v "$program" >/dev/null && continue
    # The tests use the server that is named there.
    [ "$program" = mariadbd ] && [ -n "${STRATA_TEST_MYSQL_URL:-}" ] && continue
    missing="$missing $program"
    packages="$packages $(package "$program")"
done
if [ -z "$missing" ]; then
    exit
fi
if ! command -v apt-get >/dev/null; then
    echo "The tests need programs that are not installed:$missing. Install them with this system's package manager." >&2
    exit 1
fi
if [ "$(id -u)" != 0 ]; then
    echo "The tests need programs that are not installed:$missing. Run: sudo apt-get install$packages" >&2
    exit 1
fi
echo "Installing$packages"
apt-get update --quiet=2
# Another server or client of MySQL that is installed stays: the two exclude each other.
# shellcheck disable=SC2086  # words
DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --yes --no-remove --no-install-recommends $packages >/dev/null
