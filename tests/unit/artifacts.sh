#!/bin/sh
# Has the tools of signatures and a registry here, which no package index has: installs them on Debian and Ubuntu, where root asks.
set -eu

missing=
for each in minisign:minisign gpgv:gpgv gpg:gnupg ssh-keygen:openssh-client docker-registry:docker-registry; do
    command -v "${each%%:*}" >/dev/null || missing="$missing ${each##*:}"
done
if [ -z "$missing" ]; then
    exit
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "Not here (Debian, Ubuntu: sudo apt-get install$missing): their tests are skipped." >&2
    exit
fi
echo "Installing$missing"
apt-get update --quiet=2
# shellcheck disable=SC2086  # words
DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --yes --no-install-recommends $missing >/dev/null
