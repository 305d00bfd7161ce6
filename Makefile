# Needs Python 3.11 or later and make; everything else is installed into .venv from the lock files, hashes checked.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PARALLEL ?= 2
KEEPSTEP_SHARED ?= ../shared
export KEEPSTEP_SHARED
# Else each process that a test starts compiles everything anew.
unexport PYTHONDONTWRITEBYTECODE

PIP := $(BIN)/python -m pip --disable-pip-version-check -q
# Extras stand in the lock, and .ci/lock.awk adds the bare names: what pip does not find there it looks for elsewhere.
LOCK := uv pip compile -q --generate-hashes --no-strip-extras --universal --python-version 3.11 --no-emit-index-url --no-header
BUILD := hatchling>=1.27\neditables>=0.5\n

.PHONY: help install dev demo test test-postgres check lint bench lock clean

help: ## what can be made
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 16

$(VENV)/.base: requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing from requirements.lock; this takes a minute or two"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.base
	@echo "installing from requirements-dev.lock"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

install: $(VENV)/.base ## install what keepstep needs into .venv

dev: $(VENV)/.dev ## install what developers need as well

demo: $(VENV)/.base ## the story of one day, then, on a terminal, the same company live
	@$(BIN)/keepstep demo --once
	@if [ -t 1 ]; then $(BIN)/keepstep demo; fi

test: $(VENV)/.dev ## every test, with stores in SQLite
	$(BIN)/python -m pytest -n $(PARALLEL) -m "not postgres" $(PYTEST_OPTIONS)

test-postgres: $(VENV)/.dev ## the tests that use a store once more, on a PostgreSQL server of their own
	$(BIN)/python -m pytest -n $(PARALLEL) -m postgres $(PYTEST_OPTIONS)

lint: $(VENV)/.dev ## format, style and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

check: lint test ## all that must hold before a change is done

bench: $(VENV)/.dev ## how long a round takes
	$(BIN)/python -m benchmarks

lock: $(VENV)/.dev ## choose versions anew and write the lock files
	printf '$(BUILD)' | $(BIN)/$(LOCK) --upgrade pyproject.toml - -o requirements.lock
	printf '$(BUILD)' | $(BIN)/$(LOCK) --upgrade --all-extras -c requirements.lock pyproject.toml - -o requirements-dev.lock
	for file in requirements.lock requirements-dev.lock; do awk -f .ci/lock.awk $$file > .lock && mv .lock $$file; done

clean: ## remove the environment and all that was built
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
