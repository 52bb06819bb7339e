#!/bin/sh
# Installs the collections of requirements/test.yml into a virtualenv, where ansible finds them by itself.
# Usage: molecule/hosts/collections.sh VENV
set -eu

bin=$1/bin
site=$("$bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
"$bin/ansible-galaxy" collection install --requirements-file requirements/test.yml \
    --collections-path "$site" >/dev/null 2>&1 && exit

# Without Galaxy: the same collections lie in the `ansible` package, of which only they are unpacked.
echo "Galaxy does not answer; taking the collections out of the ansible package"
case $("$bin/python" -c 'import ansible.release; print(ansible.release.__version__)') in
    2.19.*) package=ansible==12.3.0 ;;
    *) package=ansible==14.5.0 ;;
esac
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$bin/python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --dest "$folder" "$package"
"$bin/python" - "$folder" "$site" <<'PYTHON'
import pathlib
import sys
import zipfile

WANTED = ("ansible_collections/community/docker/", "ansible_collections/community/library_inventory_filtering_v1/")
folder, site = map(pathlib.Path, sys.argv[1:])
with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
    wheel.extractall(site, [name for name in wheel.namelist() if name.startswith(WANTED)])
PYTHON
