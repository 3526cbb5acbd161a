# Everything runs from .venv, which `make setup` builds from uv.lock. Only Python >= 3.11 with
# its venv module, git and make are expected on the machine. `make help` lists the targets.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.NOTPARALLEL:
.SUFFIXES:
.DELETE_ON_ERROR:

# A python to build .venv with: `make setup PYTHON=/usr/bin/python3.12`.
PYTHON ?=
# Test processes, and anything else for pytest: `make test JOBS=4 ARGS='-k drift'`.
JOBS ?= 2
ARGS ?=
# Histories that the simulation lives through, and the number of the first one.
SEEDS ?= 2000
FIRST_SEED ?= 0

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
UV_REQUIREMENT := uv>=0.9,<1
PYTEST = $(BIN)/python -m pytest -n $(JOBS) --dist loadgroup

# Another environment that happens to be active must not leak into this one.
unexport VIRTUAL_ENV CONDA_PREFIX PYTHONHOME PYTHONPATH
export UV_PROJECT_ENVIRONMENT := $(VENV)
export UV_PYTHON_DOWNLOADS := never
# Trust what the machine trusts, as pip does.
export UV_SYSTEM_CERTS ?= 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# The stamp holds the folder it was made in: a moved or copied checkout is set up again.
ifneq ($(shell cat $(STAMP) 2>/dev/null),$(CURDIR))
FORCE_SETUP := force
endif

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

.PHONY: setup
setup: $(STAMP) ## Build .venv from uv.lock (every other target does this by itself)
	@:

$(STAMP): pyproject.toml uv.lock $(FORCE_SETUP)
	@set -eu; \
	say() { printf '%s\n' "$$*" >&2; }; \
	usable() { "$$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }; \
	cache="$${UV_CACHE_DIR:-$${XDG_CACHE_HOME:-$${HOME:-/nonexistent}/.cache}/uv}"; \
	if ! { mkdir -p "$$cache" && test -w "$$cache"; } 2>/dev/null; then \
	  export UV_CACHE_DIR="$(CURDIR)/build/uv-cache"; \
	fi; \
	fit() { usable $(BIN)/python && { [ -x $(BIN)/uv ] || $(BIN)/python -m pip --version >/dev/null 2>&1; }; }; \
	moved() { [ -f $(STAMP) ] && [ "$$(cat $(STAMP))" != "$(CURDIR)" ]; }; \
	if moved || ! fit; then \
	  found=; \
	  for candidate in $${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python}; do \
	    if usable "$$candidate"; then found="$$candidate"; break; fi; \
	  done; \
	  if [ -z "$$found" ]; then \
	    say "calwarden needs Python 3.11 or newer, and none was found$${PYTHON:+ at $$PYTHON}."; \
	    say "Install one, or name it: make PYTHON=/path/to/python3.12"; exit 1; \
	  fi; \
	  if ! "$$found" -c 'import ensurepip, venv' >/dev/null 2>&1; then \
	    say "$$found cannot make virtual environments: its venv or ensurepip module is missing."; \
	    say "Install it (Debian, Ubuntu: apt install python3-venv), or name another interpreter:"; \
	    say "make PYTHON=/path/to/python3.12"; exit 1; \
	  fi; \
	  say "setup: making $(VENV) with $$("$$found" --version)"; \
	  rm -rf $(VENV); \
	  "$$found" -m venv $(VENV) || { rm -rf $(VENV); say "$$found -m venv $(VENV) failed; see above."; exit 1; }; \
	fi; \
	if [ ! -x $(BIN)/uv ]; then \
	  say "setup: installing uv"; \
	  PIP_USER=0 $(BIN)/python -m pip install --quiet '$(UV_REQUIREMENT)' || { \
	    say "setup: uv could not be installed; the first set-up needs a Python package index."; exit 1; }; \
	fi; \
	say "setup: installing what uv.lock names"; \
	$(BIN)/uv sync --frozen --quiet --python $(BIN)/python || { \
	  say "setup: the locked packages could not be installed; the first set-up needs a Python package index."; exit 1; }; \
	printf '%s\n' "$(CURDIR)" > $(STAMP)

.PHONY: force
force:

.PHONY: demo
demo: $(STAMP) ## Play the whole story on this machine: against a CalDAV server, or ARGS="--connector google" (or outlook)
	@$(BIN)/calwarden demo $(ARGS)

.PHONY: test
test: $(STAMP) ## Run every test but the slow ones and the benchmarks
	@$(PYTEST) -m 'not slow and not bench' $(ARGS)

.PHONY: check
check: lint types contracts test wheel ## What CI runs: lint, types, contracts, tests, the built wheel
	@echo "check: all passed"

.PHONY: lint
lint: $(STAMP) ## Lint, and check the formatting
	@echo "ruff"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

.PHONY: types
types: $(STAMP) ## Check the types
	@echo "mypy"
	@$(BIN)/mypy

.PHONY: contracts
contracts: $(STAMP) ## Check who may import whom
	@$(BIN)/lint-imports --no-logo

.PHONY: format
format: $(STAMP) ## Format, and fix what can be fixed safely
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

.PHONY: config
config: $(STAMP) ## Write config/ anew from the settings
	@$(BIN)/python -m calwarden.settings config

.PHONY: migration
migration: $(STAMP) ## Write the first migration anew from tables.py (until a release has made it)
	@rm -f src/calwarden/store/migrations/versions/r0001_*.py
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/alembic --quiet revision --autogenerate --rev-id 0001 \
	  -m "initial tables"

# The wheel's own environment sees the dependencies of .venv, but not its editable calwarden:
# a folder named in a .pth file is searched for packages, not for further .pth files.
.PHONY: wheel
wheel: $(STAMP) ## Build the wheel and try it in an environment of its own
	@echo "wheel"
	@rm -rf dist build/wheel
	@$(BIN)/python -m hatchling build -t wheel >/dev/null
	@$(BIN)/python -m venv --without-pip build/wheel
	@$(BIN)/uv pip install --quiet --offline --no-deps --python build/wheel/bin/python dist/calwarden-*.whl
	@deps=$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))'); \
	 site=$$(build/wheel/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))'); \
	 printf '%s\n' "$$deps" > "$$site/dependencies.pth"
	@cd build/wheel && bin/python -I -c "$$TRY_WHEEL" && bin/calwarden --help >/dev/null
	@echo "$$(ls dist/*.whl): installed, connectors load, calwarden --help answers"

define TRY_WHEEL
import pathlib, sys, calwarden
from importlib.metadata import entry_points
home = pathlib.Path(calwarden.__file__).resolve()
assert home.is_relative_to(pathlib.Path(sys.prefix).resolve()), home
connectors = entry_points(group="calwarden.connectors")
assert connectors, "the wheel offers no connector"
for connector in connectors:
    connector.load()
endef
export TRY_WHEEL

.PHONY: slow
slow: $(STAMP) ## Run the slow tests
	@$(PYTEST) -m slow --timeout 3600 --hypothesis-profile exploring $(ARGS)

.PHONY: faults
faults: $(STAMP) ## Run the tests that kill processes, the slow ones too
	@$(PYTEST) -m faults --timeout 3600 $(ARGS)

.PHONY: simulation
simulation: $(STAMP) ## Live through seeded histories: make simulation SEEDS=1000000 FIRST_SEED=5000
	@CALWARDEN_SEEDS=$(SEEDS) CALWARDEN_FIRST_SEED=$(FIRST_SEED) \
	  $(PYTEST) -q -m simulation --timeout 3600 tests/simulation $(ARGS)

.PHONY: bench
bench: $(STAMP) ## Measure
	@$(BIN)/uv sync --frozen --quiet --group bench --python $(BIN)/python
	@$(BIN)/python -m pytest -m bench --timeout 3600 -s $(ARGS)

.PHONY: clean
clean: ## Remove .venv and everything that was built
	@rm -rf $(VENV) build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find src connectors tests -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
