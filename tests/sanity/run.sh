#!/usr/bin/env bash
# ansible-test sanity on the collection as a user gets it: built, installed, and tested there.
# Usage: tests/sanity/run.sh VENV [ansible-test options]
set -euo pipefail

cd "$(dirname "$0")/../.."
bin=$(cd "$1/bin" && pwd)
shift
work=$PWD/.cache/sanity
# A home of its own: ansible-test keeps its virtualenvs there, and what follows is no business of the user's.
export HOME=$PWD/.cache/home
export PATH=$bin:$PATH
python=$("$bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')

rm -rf "$work"
mkdir -p "$work" "$HOME"
ansible-galaxy collection build --output-path "$work" >/dev/null
cd "$work" # out of reach of the checkout's ansible.cfg, whose collections are the checkout itself
ansible-galaxy collection install ./strata-deploy-*.tar.gz --offline -p . >/dev/null 2>&1

# ansible-test downloads pip's bootstrap script. Where its host cannot be reached, the interpreter's own
# ensurepip does the same under the name that ansible-test looks for.
"$bin/python" - <<'PYTHON'
import pathlib
import urllib.request

from ansible_test._internal.python_requirements import get_venv_packages
from ansible_test._internal.host_configs import NativePythonConfig
import sys

version = get_venv_packages(NativePythonConfig(version="%d.%d" % sys.version_info[:2], path=sys.executable))["pip"]
cached = pathlib.Path.home() / ".ansible/test/cache" / ("get_pip_%s.py" % version.replace(".", "_"))
if not cached.exists():
    cached.parent.mkdir(parents=True, exist_ok=True)
    try:
        url = "https://ci-files.testing.ansible.com/ansible-test/get-pip-%s.py" % version
        text = urllib.request.urlopen(url, timeout=10).read().decode()
    except OSError:
        text = (
            "import runpy, subprocess, sys\n"
            "subprocess.run([sys.executable, '-m', 'ensurepip', '--upgrade'], check=True)\n"
            "sys.argv[1:] = ['install'] + [a for a in sys.argv[1:] if a not in ('--no-setuptools', '--no-wheel')]\n"
            "runpy.run_module('pip', run_name='__main__')\n"
        )
    cached.write_text(text)
PYTHON

cd ansible_collections/strata/deploy
git init --quiet . # ansible-test asks git which files there are, and must not ask the checkout around it
ansible-test sanity --local --python "$python" --color no "$@"
