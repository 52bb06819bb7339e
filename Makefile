PYTHON ?= python3
VENV := .venv

.PHONY: demo demo-down

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
