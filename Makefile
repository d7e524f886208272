# Only Python 3.11+, make and git are assumed. 'make' alone lists the targets.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
BIN := .venv/bin
SRC := dataplane tests migrations bench hatch_build.py
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --require-hashes
export PIP_NO_INPUT := 1

.PHONY: help
help: ## List the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed; set PYTHON=..."; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "'$(PYTHON) -m venv' failed: install your system's python3-venv package"; exit 1; }
	@touch $@

.venv/.run: .venv/.made requirements.lock pyproject.toml hatch_build.py
	@echo "Installing the pinned dependencies into .venv (about a minute, once)"
	@$(PIP) -r requirements.lock
	@$(BIN)/python -m pip --disable-pip-version-check install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.dev: .venv/.run requirements-dev.lock
	@echo "Installing the pinned test and lint tools into .venv"
	@$(PIP) -r requirements-dev.lock
	@touch $@

.PHONY: setup
setup: .venv/.run ## Make .venv with a working 'regogate', and OPA
	@$(BIN)/regogate opa install

.PHONY: run
run: .venv/.run ## Start the gateway on embedded defaults (Ctrl-C stops it)
	@exec $(BIN)/regogate dev

.PHONY: tools
tools: .venv/.dev
	@$(BIN)/regogate opa install --with-regal

.PHONY: lint
lint: .venv/.dev ## Format, lint, types and import contracts
	@$(BIN)/ruff format --check --quiet $(SRC) || { echo "run 'make fmt'"; exit 1; }
	@$(BIN)/ruff check --quiet $(SRC)
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-cache > .venv/imports.txt || { cat .venv/imports.txt; exit 1; }

.PHONY: rego
rego: tools ## Rego: format, strict check, lint, tests with coverage
	@$(BIN)/python -m tests.rego_checks

.PHONY: test
test: lint rego ## The one test command: lint, types, imports, Rego, then every test
	@$(BIN)/python -m tests.oci_registry
	@$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: check
check: lock-check test ## Everything CI runs, and that the locks are current

.PHONY: bench
bench: .venv/.dev ## Added latency and throughput against a bare pass-through
	@$(BIN)/regogate opa install
	@$(BIN)/python -m bench

.PHONY: fmt
fmt: tools ## Format Python and Rego
	@$(BIN)/ruff check --fix --quiet $(SRC) || true
	@$(BIN)/ruff format --quiet $(SRC)
	@"$$($(BIN)/regogate opa install | tail -n 1)" fmt --write policies

LOCK := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' --group build

.PHONY: lock
lock: .venv/.dev ## Resolve the dependencies anew into the two lock files
	@$(LOCK) pyproject.toml --output-file requirements.lock
	@$(LOCK) --group dev pyproject.toml --output-file requirements-dev.lock

.PHONY: lock-check
lock-check: .venv/.dev
	@cp requirements.lock .venv/run.lock; cp requirements-dev.lock .venv/dev.lock
	@$(LOCK) pyproject.toml --output-file .venv/run.lock
	@$(LOCK) --group dev pyproject.toml --output-file .venv/dev.lock
	@cmp -s requirements.lock .venv/run.lock && cmp -s requirements-dev.lock .venv/dev.lock || { echo "run 'make lock'"; exit 1; }

.PHONY: clean
clean: ## Remove what the targets made (not the data directory)
	@rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
