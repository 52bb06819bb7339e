#!/bin/sh
# Runs the unit and functional tests and the scenario `default` on each supported pair of Python and ansible-core that this machine
# has an interpreter for, on the PATH or made by pyenv.
set -eu

cd "$(dirname "$0")/.."
ran=
for version in 3.11 3.13; do
    python=
    for candidate in "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python "$(command -v "python$version")"; do
        "$candidate" -c '' 2>/dev/null && python=$candidate
    done
    if [ -z "$python" ]; then
        echo "==> Python $version: not here, skipped"
        continue
    fi
    make --no-print-directory VENV=".venv-$version" PYTHON="$python" ".venv-$version/.test"
    echo "==> Python $version: $(".venv-$version/bin/ansible" --version | head -n 1)"
    make --no-print-directory VENV=".venv-$version" PYTHON="$python" SCENARIO=default unit functional molecule
    ran="$ran $version"
done
if [ -z "$ran" ]; then
    echo "Neither Python 3.11 nor 3.13 was found: nothing was tested." >&2
    exit 1
fi
echo "==> Passed on Python$ran"
