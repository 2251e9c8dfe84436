# Everything starts here: `make demo` and `make test` do all set-up by themselves.

PYTHON_BIN := .venv/bin/python
PACKAGES := core cases dialer channels reports agent_ui cli numbers/numbering
# Most tests wait on real time, so a few more processes than cores do no harm.
WORKERS ?= $(shell nproc 2>/dev/null || echo 2)
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup pjsua2 demo test lint format bench soak pictures lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install all that is missing: system, Python and front-end packages, pjsua2
	@deploy/setup/setup.sh

pjsua2: ## set up again with a fresh attempt at the full pjsua2 build
	@rm -f .venv/setup/pjsua2
	@deploy/setup/setup.sh

demo: setup ## run the whole house with simulated calls; ARGS="--for 60 --report FILE.json"
	@.venv/bin/callfloor demo $(ARGS)

test: setup ## run the tests; ARGS="-m unit" to choose, WORKERS=n
	@$(PYTHON_BIN) -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

lint: setup ## ruff, mypy, the layers, stray files
	@deploy/setup/tidy.sh
	@$(PYTHON_BIN) -m ruff check .
	@$(PYTHON_BIN) -m ruff format --check .
	@$(PYTHON_BIN) -m mypy --strict $(PACKAGES)
	@.venv/bin/lint-imports

format: setup ## let ruff put the code in shape
	@$(PYTHON_BIN) -m ruff check --fix .
	@$(PYTHON_BIN) -m ruff format .

bench: setup ## measure; prints a table with ratios
	@$(PYTHON_BIN) -m benchmarks $(ARGS)

soak: setup ## the long proofs; minutes to hours
	@$(PYTHON_BIN) -m benchmarks.soak $(ARGS)

pictures: setup ## take pictures of every page
	@$(PYTHON_BIN) -m tests.pictures $(ARGS)

lock: ## pin anew after a change of requirements.in or package.json; ARGS=--upgrade for newer versions
	@deploy/setup/lock.sh $(ARGS)

clean: ## remove what set-up and runs have made (not the pjsua2 cache, not var/)
	rm -rf .venv node_modules build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
