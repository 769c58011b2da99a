# `make` lists what can be done. Needs Python 3.11 or newer and GNU make; everything else goes into .venv.
#
#   make test PYTEST_ARGS="-k callback"                  some tests
#   make test DATABASE_URL=postgresql://user@host/name   on another database (also mysql://, mariadb://)
#   make demo PORT=9000 SANDBOX_PORT=9100                on other ports

PYTHON ?= python3
VENV ?= .venv
PORT ?= 8000
SANDBOX_PORT ?= 8100
ONCE ?=
COVERAGE ?=
MINUTES ?= 60
BENCH_ARGS ?=
STACKS ?=
PYTEST_ARGS ?= --numprocesses auto --maxprocesses 8 --dist worksteal

BIN := $(VENV)/bin

# Groups of pyproject.toml; every other stamp is an extra.
GROUPS := dev bench browser docs

# Where it is set, every process that a test starts compiles the whole project anew.
unexport PYTHONDONTWRITEBYTECODE

# The driver that DATABASE_URL asks for, as an extra.
driver = $(if $(filter postgres%,$(DATABASE_URL)),postgresql)$(if $(filter mysql% mariadb%,$(DATABASE_URL)),mysql)
stamp = $(VENV)/.installed-$(1)
PIP_INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: help demo checklist test test-postgresql test-mariadb coverage check lint types imports migrations docs prove plant mutate stacks bench wheel document format clean FORCE

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(call stamp,api) ## play a whole purchase in a small shop, then keep it running (ONCE=1: stop after it)
	@PORT="$(PORT)" SANDBOX_PORT="$(SANDBOX_PORT)" ONCE="$(ONCE)" $(BIN)/python -m example_project.demo

checklist: $(call stamp,api) ## run the gateway's checklist with the example shop
	@SHOP_VAR_DIR="$$PWD/example_project/var/checklist" DJANGO_SETTINGS_MODULE=example_project.config.checklist \
	    $(BIN)/python -m django cryptopay_checklist --strict --noinput --report example_project/var/checklist/report

test: $(call stamp,dev) $(if $(driver),$(call stamp,$(driver))) ## run the test suite (SQLite, or what DATABASE_URL names)
	$(BIN)/python -m $(if $(COVERAGE),scripts.cover,pytest) $(PYTEST_ARGS)

test-postgresql test-mariadb: test-%: $(call stamp,dev)
	$(BIN)/python -m scripts.with_database --no-fsync $* -- $(MAKE) --no-print-directory test

coverage: ## run the suite and hold the floors of coverage: which branches of the package it takes
	@$(MAKE) --no-print-directory test COVERAGE=1

# awk reads these two lines only to list them.
test-postgresql: ## run the test suite on a throw-away PostgreSQL
test-mariadb: ## run the test suite on a throw-away MariaDB

check: lint types imports migrations ## lint, formatting, types, direction of imports, missing migrations

lint: $(call stamp,dev)
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .

types: $(call stamp,dev)
	$(BIN)/python -m mypy

imports: $(call stamp,dev)
	$(BIN)/lint-imports

migrations: $(call stamp,dev)
	DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python -m django makemigrations --check --dry-run

docs: $(call stamp,docs) ## build the documentation as a site, with a search, into docs/_build; a warning is an error
	$(BIN)/python -m sphinx --quiet --fresh-env --fail-on-warning --keep-going docs docs/_build
	@echo "open docs/_build/index.html"

prove: $(call stamp,dev) ## run the long tier of the proofs and print what was tried (MINUTES=60)
	$(BIN)/python -m scripts.prove --minutes $(MINUTES)

plant: $(call stamp,dev) ## plant mistakes into a copy of the package: the tests must catch every one
	$(BIN)/python -m scripts.plant

mutate: $(call stamp,dev) ## change what decides on money in every small way: the tests must catch every change
	$(BIN)/python -m scripts.mutate

stacks: $(call stamp,dev) ## run a small shop on every database, server and app of tests/stacks, into docs/compatibility.md (STACKS="--only psycopg2")
	$(BIN)/python -m scripts.stacks $(STACKS)

bench: $(call stamp,bench) $(if $(findstring mariadb,$(BENCH_ARGS)),$(call stamp,mysql)) ## measure every road beside its floor and its peers, into benchmarks/RESULTS.md (BENCH_ARGS="--quick")
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

wheel: $(call stamp,dev) ## build the wheel and the source distribution; try one in a new shop, run tests of the other
	$(BIN)/python -m scripts.try_wheel

document: $(call stamp,dev) ## write into docs/ what the code says itself: settings, states, signals, errors
	$(BIN)/python -m scripts.document

format: $(call stamp,dev) ## mend what ruff can mend by itself
	$(BIN)/python -m ruff check --fix-only --quiet .
	$(BIN)/python -m ruff format .

clean: ## remove .venv, caches, builds and the demo's database
	rm -rf $(VENV) build dist docs/_build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .schemathesis example_project/var
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One stamp for each extra or group that is installed. A .venv whose interpreter or pip is gone is made anew. The pip that
# `python -m venv` puts there may be older than 25.1, the first that reads dependency groups.
$(VENV)/.installed-%: pyproject.toml $(if $(shell test -x $(BIN)/python && echo yes),,FORCE)
	@if ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
	    command -v "$(PYTHON)" >/dev/null || { \
	        echo "'$(PYTHON)' was not found. Install Python 3.11 or newer, or name it: make PYTHON=/path/to/python"; exit 1; }; \
	    "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	        echo "$$("$(PYTHON)" --version) is too old: Python 3.11 or newer is needed. Name another: make PYTHON=python3.13"; exit 1; }; \
	    echo "making $(VENV) with $$("$(PYTHON)" --version)"; \
	    "$(PYTHON)" -m venv --clear "$(VENV)" || { rm -rf "$(VENV)"; exit 1; }; \
	fi
	@echo "installing $(if $(filter $*,$(GROUPS)),what $* needs,cryptopay-django[$*]) into $(VENV)"
	@$(PIP_INSTALL) "pip>=25.1"
	@$(PIP_INSTALL) --editable $(if $(filter $*,$(GROUPS)),. --group $*,".[$*]") || { \
	    if [ "$*" = mysql ]; then \
	        echo "mysqlclient is compiled on this machine and needs a C compiler, pkg-config and the client's headers:"; \
	        echo "  Debian, Ubuntu: apt install build-essential pkg-config python3-dev libmariadb-dev"; \
	        echo "  macOS: brew install mysql-client pkg-config"; \
	    fi; \
	    exit 1; }
	@touch $@
