#!/bin/sh
# Has a Docker engine answer: installs one on Debian and Ubuntu, where root asks, and starts it.
set -eu

docker info >/dev/null 2>&1 && exit
if [ "$(id -u)" != 0 ]; then
    echo "No Docker engine answers. Install one (Debian, Ubuntu: sudo apt-get install docker.io), join the group docker, and run this again." >&2
    exit 1
fi
if ! command -v dockerd >/dev/null; then
    if ! command -v apt-get >/dev/null; then
        echo "There is no Docker engine here. Install one as https://docs.docker.com/engine/install says, and run this again." >&2
        exit 1
    fi
    echo "Installing Docker"
    apt-get update --quiet=2
    DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --yes docker.io >/dev/null
    # An engine that was there already, of another machine or of a container's host, needed the client only.
    docker info >/dev/null 2>&1 && exit
fi
log=.cache/molecule/dockerd.log
if [ -d /run/systemd/system ]; then
    systemctl start docker
else
    mkdir -p "${log%/*}"
    setsid dockerd >"$log" 2>&1 </dev/null &
fi
tries=120
until docker info >/dev/null 2>&1; do
    tries=$((tries - 1))
    if [ "$tries" = 0 ]; then
        echo "The Docker engine was started and does not answer within a minute. See $log, or journalctl -u docker." >&2
        exit 1
    fi
    sleep 0.5
done
