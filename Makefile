# Centralino: every command of the house. `make help` prints the comment of each target.
# Needs python3 (3.11 or later) with venv and pip, and make. Nothing here needs root.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ARGS   ?=
# What the type checker reads: all of the product, none of its tests.
TYPED  := $(wildcard core channels ivr web demo main.py running.py)
# For two processors: the third has the tests that wait more than they work (tests/sharing.py). With more of the others,
# calls and browsers wait for the processor longer than people would.
WORKERS ?= 3

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup sip run test check format bench cover lock clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z.A-Z$$()\/]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv: $(VENV)/made-run ## the environment alone, from the hash-locked requirements

sip: $(VENV)/made-sip ## what a hub needs on top that answers calls by SIP itself ([channels.sip])

setup: $(VENV)/made-dev ## the environment with everything that checks and tests need

run: $(VENV)/made-run ## start the hub; make run ARGS="--settings my.toml" passes arguments on
	$(BIN)/python main.py run $(ARGS)

# Each hub that a test starts would compile every module anew.
test: export PYTHONDONTWRITEBYTECODE =
test: check ## every check and every test; ARGS="tests/core -k clock" narrows the tests
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --no-loadscope-reorder --durations=10 $(ARGS)

check: $(VENV)/made-dev ## formatter, linter, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy $(TYPED)
	$(BIN)/lint-imports

format: $(VENV)/made-dev ## put the code in shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/made-dev ## measure: a table of ratios against a baseline of the same run, kept in bench/results
	$(BIN)/python -m bench $(ARGS)

cover: $(VENV)/made-dev ## the tests once more, with the branches they took
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

# uv resolves; it lives in an environment of its own that is thrown away.
lock: $(VENV)/made-run ## compile requirements*.in into hash-locked requirements*.txt
	$(PYTHON) -m venv $(VENV)/lock
	$(VENV)/lock/bin/pip install --quiet --disable-pip-version-check uv
	for name in requirements requirements-sip requirements-dev; do \
		$(VENV)/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
			--no-emit-index-url --no-emit-find-links --no-config --output-file $$name.txt $$name.in || exit 1; \
	done
	rm -rf $(VENV)/lock
	@! grep -n '://' requirements.txt requirements-sip.txt requirements-dev.txt || { echo "an address got into the lock" >&2; exit 1; }

clean: ## remove what can be made again: the environment and all caches; never data/
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache htmlcov .coverage .coverage.*
	find . -name __pycache__ -type d -not -path './data/*' -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Centralino needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
		|| { echo "$(PYTHON) has no venv; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/made-run: requirements.txt | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(VENV)/made-sip: requirements-sip.txt $(VENV)/made-run
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-sip.txt
	@touch $@

$(VENV)/made-dev: requirements-dev.txt $(VENV)/made-run
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@
