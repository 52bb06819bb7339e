#!/bin/sh
# Installs the collections of requirements/test.yml into a virtualenv, where ansible finds them by itself.
# Usage: molecule/hosts/collections.sh VENV
set -eu

bin=$1/bin
site=$("$bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$bin/ansible-galaxy" collection install --requirements-file requirements/test.yml \
    --collections-path "$site" >"$folder/galaxy" 2>&1 && exit

# Without Galaxy: the same collections lie in the `ansible` package, of which only they are unpacked.
echo "Galaxy does not help ($(grep -v '^$' "$folder/galaxy" | tail -n 1)): taking the collections out of the ansible package"
"$bin/python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --dest "$folder" \
    --requirement requirements/collections.txt
"$bin/python" - "$folder" "$site" <<'PYTHON'
import pathlib
import sys
import zipfile

WANTED = (
    "ansible_collections/amazon/aws/",
    "ansible_collections/community/docker/",
    "ansible_collections/community/library_inventory_filtering_v1/",
)
folder, site = map(pathlib.Path, sys.argv[1:])
with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
    wheel.extractall(site, [name for name in wheel.namelist() if name.startswith(WANTED)])
PYTHON
