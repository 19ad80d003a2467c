# Every target with one sentence: `make help`. Nothing has to be installed before but Python 3.11 or newer and make:
# each target first makes .venv from the hash-locked requirements, once. Kept to what GNU make 3.81 (macOS) and BSD make
# both understand; options given to make (ARGS, CATALOGUE, NAME, PYTHON) reach the recipes through the environment.

.PHONY: help demo up test check format lint types contracts schema clients migration bench faults lock lock-check supply clean

help: ## Print every target with one sentence.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

demo: .venv/made ## Open the market on this machine and rehearse a flash sale; CATALOGUE=goods.csv sells your goods, ARGS="..." adds options.
	@.venv/bin/nightmarket demo $${CATALOGUE:+--catalogue "$$CATALOGUE"} $(ARGS)

up: .venv/made ## Run the whole market in this terminal until Ctrl-C; ARGS="--port 9000" adds options.
	@.venv/bin/nightmarket up $(ARGS)

test: lint types contracts ## Run everything that CI runs, tests last; ARGS="-k orders" hands options to pytest.
	@sh tests/browser/setup.sh
	@sh tests/customers/setup.sh
	@echo "tests: on a real PostgreSQL and Valkey of their own"
	@.venv/bin/pytest -n 2 --dist worksteal $(ARGS)

check: test ## Do the same as `make test`: what passes here passes CI.

format: .venv/made ## Rewrite the code as the formatter and the import sorter want it.
	@.venv/bin/ruff check --quiet --fix --select I .
	@.venv/bin/ruff format .

lint: .venv/made ## Check format and lint rules, and change nothing.
	@echo "format and lint: ruff"
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .

types: .venv/made ## Check the types, strictly.
	@echo "types: mypy, a minute the first time"
	@.venv/bin/mypy

contracts: .venv/made ## Check who may import whom: api -> domain <- workers, and features lean downward.
	@echo "import contracts: import-linter"
	@.venv/bin/lint-imports --no-logo > .venv/contracts 2>&1 || { cat .venv/contracts; exit 1; }
	@tail -n 1 .venv/contracts

schema: .venv/made ## Write schema.graphql anew; a test holds the file equal to the code.
	@.venv/bin/nightmarket schema --write

clients: .venv/made ## Register the documents of clients/ and write their TypeScript anew, after a change of the schema; needs Node.
	@.venv/bin/nightmarket documents build clients/documents --out clients/documents.json
	@cd clients/typescript && npm ci --ignore-scripts && npm run generate

migration: .venv/made ## Write the next migration from what the tables say, NAME="coupons get a budget"; read it before you keep it.
	@.venv/bin/python -m domain.migrations "$${NAME:?say what changes: make migration NAME=\"coupons get a budget\"}"
	@.venv/bin/ruff format --quiet domain/migrations/versions

bench: .venv/made ## Measure what the market can do against this machine's own ceiling; ARGS="..." adds options.
	@.venv/bin/python -m benchmarks $(ARGS)

faults: .venv/made ## Run every race, kill processes in mid-sale and at every statement, live 10,000 orders; FAULT_RUNS=100, HISTORY_ORDERS=500 say how often.
	@echo "faults: real races, and real processes killed in real sales, $${FAULT_RUNS:-20} times each"
	@sh tests/streams/setup.sh
	@FAULT_RUNS=$${FAULT_RUNS:-20} HISTORY_ORDERS=$${HISTORY_ORDERS:-10000} SCHEMATHESIS_EXAMPLES=$${SCHEMATHESIS_EXAMPLES:-20} \
		.venv/bin/pytest -m "" tests/races tests/faults tests/hostile tests/after_sales/test_dying.py \
		tests/workers/test_broker.py tests/back_office tests/streams $(ARGS)

# no configuration: neither a user's nor a parent folder's may decide what is locked
LOCK = .venv/bin/uv --no-config --quiet pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--annotation-style line --custom-compile-command "make lock" $(ARGS)

lock: .venv/made ## Lock what pyproject.toml asks for, keeping the versions that still fit; ARGS=--upgrade takes the newest.
	@echo "locking for Python 3.11 and newer, on every platform: uv"
	@$(LOCK) --output-file requirements/production.txt pyproject.toml > /dev/null
	@$(LOCK) --output-file requirements/development.txt --all-extras --group build pyproject.toml > /dev/null
	@$(LOCK) --output-file requirements/build.txt --group build > /dev/null
	@$(LOCK) --output-file requirements/supply.txt --group supply > /dev/null
	@$(LOCK) --output-file requirements/history.txt --no-deps --group history > /dev/null

lock-check: .venv/made ## Check without a network that the locks hold all that pyproject.toml asks for.
	@.venv/bin/pytest tests/packaging/test_locks.py

supply: .venv/made ## Ask for known holes in everything that is locked, and write the bill of materials to build/sbom.json.
	@test -x .venv/supply/bin/pip-audit || { .venv/bin/python -m venv .venv/supply && \
		.venv/supply/bin/pip install --quiet --require-hashes --only-binary :all: --requirement requirements/supply.txt; }
	@mkdir -p build
	@.venv/supply/bin/cyclonedx-py requirements requirements/production.txt --pyproject pyproject.toml \
		--output-reproducible --of JSON --output-file build/sbom.json
	@echo "build/sbom.json: $$(grep -c '"purl"' build/sbom.json) packages"
	@for lock in production development build supply; do \
		.venv/supply/bin/pip-audit --strict --disable-pip --require-hashes --requirement requirements/$$lock.txt || exit 1; \
	done

clean: ## Remove .venv, caches and build leftovers; the embedded market's data in .nightmarket stays.
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache build dist *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The newest Python found that can make a virtual environment by itself, else the newest that is new enough.
.venv/made: requirements/development.txt requirements/make_venv.py pyproject.toml
	@for module in ensurepip venv; do \
		for python in $${PYTHON:-python3.14 python3.13 python3.12 python3.11 python3}; do \
			"$$python" -c "import sys, $$module; sys.exit(sys.version_info < (3, 11))" 2>/dev/null && break 2; \
		done; \
		python=; \
	done; \
	if [ -z "$$python" ]; then \
		echo "$${PYTHON:-python3} is not Python 3.11 or newer: install one, or name it, make PYTHON=/path/to/python3.13" >&2; \
		exit 1; \
	fi; \
	"$$python" requirements/make_venv.py
