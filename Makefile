# `make help` lists what this does. Everything installed or written stays inside the clone.

SHELL := /bin/sh
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

CACHE := $(CURDIR)/.cache
VENV := .venv
BIN := $(VENV)/bin
NETWORK ?= anvil
PYTEST_ARGS ?=
COMPILED := build/.stamp
SOURCES := $(shell find contracts interfaces -name '*.sol')

# Installing: the user's own pip and npm configuration holds, only what they keep moves in here.
export PIP_CACHE_DIR := $(CACHE)/pip
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export npm_config_cache := $(CACHE)/npm
export npm_config_update_notifier := false
export RUFF_CACHE_DIR := $(CACHE)/ruff
export TMPDIR := $(CACHE)/tmp

# pip asks rustc for its version, and rustup then makes itself a folder at home if it has none.
ifeq ($(RUSTUP_HOME)$(shell ls -d "$(HOME)/.rustup" 2>/dev/null),)
export RUSTUP_HOME := $(CACHE)/rustup
endif

# Running: a home of its own, because Brownie and Anvil write there.
RUN := HOME="$(CACHE)/home" XDG_CACHE_HOME="$(CACHE)/xdg" XDG_CONFIG_HOME="$(CACHE)/xdg" XDG_DATA_HOME="$(CACHE)/xdg" \
	SOLCX_BINARY_PATH="$(CURDIR)/tools/solc" PATH="$(CURDIR)/$(BIN):$(CURDIR)/node_modules/.bin:$$PATH"

.PHONY: help setup compile demo test lint lint-python lint-types lint-solidity lint-build fmt abi gas bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.brownie $(VENV)/.flexbond node_modules/.stamp ## install Python packages, Node packages and the compiler into the clone

compile: $(COMPILED) ## compile all contracts from scratch

demo: $(COMPILED) ## run the demonstration; NETWORK=anvil (default) or ganache
	@$(RUN) flexbond demo --network $(NETWORK)

test: $(COMPILED) $(VENV)/.spark ## compile, then run all tests; PYTEST_ARGS are handed on
	@$(RUN) pytest --numprocesses 2 --dist loadfile $(PYTEST_ARGS)

lint: lint-python lint-types lint-solidity lint-build ## check format, types, style, contract sizes and packaged ABIs

lint-python: setup
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .

lint-types: setup
	@$(RUN) mypy

lint-solidity: setup
	@$(RUN) prettier --check 'contracts/**/*.sol' 'interfaces/**/*.sol'
	@$(RUN) solhint --disc --noPoster --max-warnings 0 'contracts/**/*.sol' 'interfaces/**/*.sol'
	@$(RUN) python tools/compiler_warnings.py

lint-build: $(COMPILED)
	@$(RUN) python tools/size.py
	@$(RUN) python tools/abi.py --check

fmt: setup ## format Python and Solidity
	@$(RUN) ruff check --fix --exit-zero --quiet .
	@$(RUN) ruff format .
	@$(RUN) prettier --write --log-level warn 'contracts/**/*.sol' 'interfaces/**/*.sol'

abi: $(COMPILED) ## write the packaged ABIs again
	@$(RUN) python tools/abi.py

gas: $(COMPILED) ## write the gas snapshot again
	@$(RUN) FLEXBOND_GAS_SNAPSHOT=write pytest tests/gas $(PYTEST_ARGS)
	@$(RUN) python tools/bench.py --gas

bench: setup ## measure a fleet of 100 000 devices and write docs/benchmarks.md
	@$(RUN) python tools/bench.py

clean: ## remove everything that can be made again
	rm -rf build out reports dist .venv .cache node_modules *.egg-info
	find flexbond scripts tests tools -name __pycache__ -type d -prune -exec rm -rf {} +

# Always all of it: Brownie's own choice of what changed misses some edits and leaves old bytecode.
# Only the demonstration takes an earlier result, if no source is newer; everything that judges the
# contracts compiles anew.
ifneq ($(filter compile test lint lint-build abi gas,$(MAKECMDGOALS)),)
.PHONY: anew
anew:
$(COMPILED): anew
endif
$(COMPILED): $(SOURCES) brownie-config.yaml tools/solc/solc-v0.8.37 tools/solc/standard-json.js | setup
	@rm -rf build && mkdir -p "$(TMPDIR)"
	@$(RUN) brownie compile --all
	@touch $@

# Set-up is done once for each state of the files it depends on.
$(VENV)/.python: requirements.txt
	@tools/doctor node
	@python=$$(tools/doctor python) && mkdir -p "$(TMPDIR)" && \
		if ! [ -x $(BIN)/pip ]; then rm -rf $(VENV) && "$$python" -m venv $(VENV); fi
	@echo "Installing Python packages (two minutes)"
	@BROWNIE_NOCOMPILE=1 $(BIN)/pip install --quiet --requirement requirements.txt
	@touch $@

$(VENV)/.spark: requirements-spark.txt $(VENV)/.python
	@mkdir -p "$(TMPDIR)"
	@echo "Installing Spark for the tests"
	@$(BIN)/pip install --quiet --requirement requirements-spark.txt
	@touch $@

$(VENV)/.flexbond: $(VENV)/.python pyproject.toml
	@mkdir -p "$(TMPDIR)"
	@$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.brownie: $(VENV)/.python tools/brownie
	@ln -sf ../../tools/brownie $(BIN)/brownie
	@touch $@

node_modules/.stamp: package.json package-lock.json .npmrc
	@tools/doctor node
	@echo "Installing Node packages" && mkdir -p "$(TMPDIR)" && npm ci --silent
	@touch $@
