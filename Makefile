# Everything starts here: `make demo` and `make test` set themselves up on a machine with git, make and Python >= 3.11.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
  $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: gallery help setup demo lab test test-slow check docs lock bench front clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 18

setup: .venv/.ready ## make .venv from requirements.lock (hashes checked)

.venv/.ready: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed and none was found; name one: make PYTHON=/path/to/python3"; exit 1; }
	@test -x $(BIN)/python || "$(PYTHON)" -m venv .venv
	@echo "installing the locked dependencies into .venv (a minute or two the first time) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.7'
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

demo: setup ## run the main job offline: a table, a report, pictures (no key, no GPU)
	@$(BIN)/workbench demo

# JupyterLab would ask its package index for a newer version of itself at every start
lab: setup ## open JupyterLab on notebooks/
	$(BIN)/jupyter lab notebooks --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate

test: setup ## all fast tests
	$(BIN)/python -m pytest

test-slow: setup ## browser, foreign servers, fault campaigns
	$(BIN)/python -m pytest -m slow

check: setup ## ruff, mypy --strict, tsc and the front end's unit tests, layers, pip-audit
	$(BIN)/ruff check workbench tests benchmarks tools
	$(BIN)/mypy
	@if command -v npm >/dev/null; then cd widgets && npm ci --silent --no-audit --no-fund && npm run --silent test; \
	else echo "tsc was skipped: there is no npm here"; fi
	$(BIN)/python -m pytest tests/test_layers.py
	$(BIN)/python tools/audit.py

front: ## build the widgets' bundle from its lock file (needs Node and npm)
	cd widgets && npm ci --silent --no-audit --no-fund && npm run --silent build

docs: setup ## build docs/ into build/docs
	$(BIN)/python tools/reference.py
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs build/docs
	@echo "open build/docs/index.html"

lock: setup ## resolve the dependencies again
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links --extra dev --extra otlp pyproject.toml -o requirements.lock

bench: setup ## measure; writes benchmarks/RESULTS.md (PEERS=FOLDER: beside others)
	$(BIN)/python -m benchmarks $(if $(PEERS),--peers $(PEERS))

gallery: setup ## execute every notebook into notebooks/gallery
	$(BIN)/python -m tools.gallery

clean: ## remove what was built
	rm -rf .venv traces/runs
