PYTHON ?= python3
VENV := .venv

.PHONY: demo demo-down test lint unit functional contract sanity e2e docker molecule fuzz bench matrix

# Deploys two releases of a small shop onto an embedded fleet, under load, and says what happened.
demo: $(VENV)/.demo
	@$(VENV)/bin/python -m demo.run

# Stops what `make demo` started; the state under .demo stays.
demo-down: $(VENV)/.demo
	@$(VENV)/bin/python -m demo.fleet down

# `venv` again over a half-made one repairs it, so an interrupted run needs no cleaning up.
$(VENV)/.demo: requirements/demo.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, not " + sys.version.split()[0] + ": make PYTHON=...")'
	@echo "Making $(VENV) (pinned versions; about half a minute with a warm package cache)"
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

# Everything: what CI runs.
test: lint docker unit functional contract sanity e2e molecule

lint: $(VENV)/.test
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/mypy plugins/module_utils plugins/plugin_utils
	@$(VENV)/bin/yamllint --strict .
	@PATH=$(CURDIR)/$(VENV)/bin:$$PATH ansible-lint --offline
	@PATH=$(CURDIR)/$(VENV)/bin:$$PATH antsibull-changelog lint

# Starts no process and needs no network.
unit: $(VENV)/.test
	@$(VENV)/bin/python -m pytest --numprocesses 2 --dist worksteal tests/unit

# Real servers and tools. Those of containers are skipped where no Docker engine runs: see the target docker.
functional: $(VENV)/.test
	@tests/packages.sh
	@$(VENV)/bin/python -m pytest --numprocesses 2 --dist worksteal tests/functional

contract: $(VENV)/.test
	@$(VENV)/bin/python -m pytest tests/contract

# Unpacks archives that are damaged at random, for a minute or: make fuzz SECONDS=600
fuzz: $(VENV)/.test
	@tests/packages.sh zstd
	@$(VENV)/bin/python tests/fuzz/fuzz_unpack.py --seconds $(or $(SECONDS),60) $(if $(SEED),--seed $(SEED))

# How fast artifacts of 2 GiB are unpacked, and in how much memory; needs 6 GB under TMPDIR.
bench:
	@tests/packages.sh bzip2 unzip xz zstd
	@$(PYTHON) bench/unpack.py

sanity: $(VENV)/.test
	@tests/packages.sh git
	@tests/sanity/run.sh $(VENV)

e2e: $(VENV)/.test
	@tests/packages.sh git ssh-keygen
	@$(VENV)/bin/python -m pytest --numprocesses 2 --dist loadfile tests/e2e

# The engine that the machines of Molecule run on, and the functional tests of containers where it is there.
docker:
	@molecule/hosts/docker.sh

# Every scenario, or one: make molecule SCENARIO=artifact
molecule: export MOLECULE_EPHEMERAL_DIRECTORY := $(CURDIR)/.cache/molecule/run
molecule: export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
molecule: $(VENV)/.test docker
	@tests/packages.sh dpkg-deb gpg ssh ssh-keygen
	@if [ -e .cache/molecule/ssh_config ]; then echo "Removing the machines of an earlier run"; \
		molecule destroy --scenario-name default >/dev/null; fi
	@molecule test $(if $(SCENARIO),--scenario-name $(SCENARIO),--all)

# The oldest and the newest ansible-core that are supported, each on its Python.
matrix:
	@tests/matrix.sh

$(VENV)/.test: requirements/test.txt requirements/test.yml $(VENV)/.demo
	@echo "Adding the test tools to $(VENV)"
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@molecule/hosts/collections.sh $(VENV)
	@touch $@
