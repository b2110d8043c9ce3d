# The project's verbs. Hooks, CI and README use these and nothing else.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
PARAMS ?= params.yaml
PORT ?= 8080
MLFLOW_PORT ?= 5000
BIN := .venv/bin
SOURCES := data training evaluation serving pipelines tests benchmarks
INSTALLED := .venv/.installed
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help install lock format check test test-full repro serve mlflow bench clean

help: ## List the verbs
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(INSTALLED) ## Make .venv with the exact versions of requirements.lock

# torch goes first and with its own dependencies: its CPU and CUDA builds need different ones, so
# the lock names none of them. Everything else is installed as locked, with nothing resolved.
$(INSTALLED): requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet $$(grep '^torch==' requirements.lock)
	$(BIN)/python -m pip install --quiet --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable . \
	  --config-settings editable_mode=compat
	$(BIN)/python -m pip check
	touch $@

lock: ## Resolve pyproject's ranges anew into requirements.lock
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra platform --extra ray --extra drift --extra gpu --extra dev --python-version 3.11 \
	  --quiet --no-annotate --no-header | grep -viP '^(nvidia-(?!ml-py|cuda-nvrtc=)|cuda-toolkit|triton)' > requirements.lock.new
	mv requirements.lock.new requirements.lock

format: install ## Rewrite the code in the house format
	ruff check --no-cache --fix $(SOURCES)
	ruff format $(SOURCES)

check: install ## Lint, formatting, types, and which room may import which
	ruff check --no-cache $(SOURCES)
	ruff format --check $(SOURCES)
	mypy
	lint-imports

test: check ## Everything CI runs: check, then the tests, under 15 minutes on 2 cores
	pytest -m "not slow"

test-full: check ## Also the slow tests (real faces where at hand), and new examples for the property tests
	pytest --hypothesis-profile=explore

repro: install ## Photos to a gated, registered model; PARAMS=params/lfw.yaml takes another recipe
	examgate recipe $(PARAMS)
	dvc repro
	examgate register

serve: install ## Answer /compare with the registered champion
	examgate serve --alias champion --port $(PORT)

mlflow: install ## Open MLflow on the runs, the registered model and its aliases
	examgate mlflow --port $(MLFLOW_PORT)

bench: install ## Medians and ratios of this machine
	python -m benchmarks.run

clean: ## Remove what the pipeline made; the DVC cache, the registry and .venv stay
	rm -rf artifacts .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache dvc_plots
