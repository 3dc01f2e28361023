# Everything runs from .venv, which is made here when it is missing and brought up to date when the pins or the
# packaging change. Needs Python 3.11 to 3.13 with venv and pip, and a network.
.DEFAULT_GOAL := help
.PHONY: help demo test test-fast test-slow lint bench docs

# The first Python that will do.
PYTHON := $(shell for python in python3.11 python3.12 python3.13 python3; do \
	$$python -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& { echo $$python; break; }; done)
# cuda where there is an NVIDIA GPU, else cpu: says which requirements/*.txt to install.
DEVICE := $(shell nvidia-smi -L >/dev/null 2>&1 && echo cuda || echo cpu)
# Where the CPU build of torch comes from.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu

BIN := .venv/bin
READY := .venv/ready-$(DEVICE)
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps
# Where there is uv, it installs, in less time. It reads none of pip's settings, so pip follows where it fails.
UV := $(shell command -v uv)

# Two processes, so at most two runs at a time; tests/conftest.py says which tests share one.
TESTS := $(BIN)/python -m pytest -n 2 --no-loadscope-reorder

# Packages are installed without bytecode, which Python then writes for the quarter of them that is ever imported:
# half the install time for 11 s at the first import, so bytecode must be allowed.
unexport PYTHONDONTWRITEBYTECODE

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' Makefile | expand -t 20

demo: $(READY) ## the quickstart: verified against unfiltered, random and real, with table, verdicts and plot
	$(BIN)/rlvr run configs/quickstart.yaml

test: .venv/ready-lm-eval ## every tier but what is slow: a real tiny round on the real engine and trainer included
	$(TESTS) -m "not slow"

test-fast: $(READY) ## the unit tier alone: no engine, no trainer, no sandbox
	$(TESTS) -m "not slow" tests/unit

test-slow: .venv/ready-lm-eval ## the rest, alone and one at a time: kills, faults, long runs, the report in a browser
	$(BIN)/python -m pytest -m slow

lint: $(READY) ## ruff, its formatter, strict mypy, and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@$(LINT_IMPORTS)

# import-linter looks at a copy in which verifiers/ and tasks/ lie below rlvr/, as they are installed.
define LINT_IMPORTS
copy=$$(mktemp -d) && trap 'rm -rf "$$copy"' EXIT && cp -r rlvr pyproject.toml "$$copy" \
	&& cp -r verifiers tasks configs "$$copy/rlvr" && cd "$$copy" && "$(CURDIR)/$(BIN)/lint-imports" --no-cache --no-logo
endef

bench: $(READY) ## every benchmark; at the end one table of their ratios, and the same as JSON
	@$(BIN)/python benchmarks/all.py

docs: .venv/ready-docs ## the documentation as a site, in site/index.html; a broken link is an error
	@tree=$$(mktemp -d) && trap 'rm -rf "$$tree"' EXIT && cp -r rlvr "$$tree" && cp -r verifiers tasks "$$tree/rlvr" \
	&& RLVR_TREE="$$tree" NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

.venv/ready-docs .venv/ready-lm-eval: .venv/ready-%: requirements/%.txt $(READY)
	@$(call INSTALL,--requirement $<)
	@touch $@

# Made last, removed first: a .venv without it is half made, and is recreated.
$(READY): requirements/$(DEVICE).txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "No python3.11, and python3 is not 3.11 to 3.13 with venv and pip." >&2; exit 1; }
	@if [ -e $@ ]; then rm $@; else echo "Making .venv ($(DEVICE))"; $(PYTHON) -m venv --clear .venv; fi
	$(INSTALL_$(DEVICE))
	@$(PIP) --no-build-isolation --editable .
	@touch $@

# $(call INSTALL,WHAT TO INSTALL)
INSTALL = $(if $(UV),$(UV) pip install --quiet --python $(BIN)/python --no-deps $(1) ||) $(PIP) --no-compile $(1)
define INSTALL_cpu
	@$(call INSTALL,--extra-index-url $(TORCH_INDEX) torch==2.13.0+cpu)
	@$(call INSTALL,--requirement $<)
endef
define INSTALL_cuda
	@$(call INSTALL,--requirement $<)
endef
