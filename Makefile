# Everything that a person does here. `make` alone prints this list.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
SEEDS  ?= 8
# the tested versions of the two supported Pythons
CONSTRAINTS := constraints/python$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])').txt
PIP := $(BIN)/pip install --quiet --disable-pip-version-check $(if $(wildcard $(CONSTRAINTS)),-c $(CONSTRAINTS))

.DEFAULT_GOAL := help
.PHONY: help install demo test test-slow check bench docs results mutate faults clean

help:            ## this list
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | awk -F ':.*## *' '{printf "  make %-10s %s\n", $$1, $$2}'

$(BIN)/.installed: pyproject.toml $(wildcard constraints/*.txt)
	$(PYTHON) -m venv $(VENV)
	$(PIP) -e .
	@touch $@

$(BIN)/.installed-dev: $(BIN)/.installed
	$(PIP) -e '.[test,reference,data,text,images,orbax,tensorboard,check,bench]'
	@touch $@

install: $(BIN)/.installed          ## make the environment in .venv and install dlx into it

demo: $(BIN)/.installed             ## train softmax regression and an MLP on embedded digits, 8 seeds at once, no network
	@$(BIN)/python -m tools.demo --seeds $(SEEDS)

test: $(BIN)/.installed-dev         ## the fast tests
	$(BIN)/python -m pytest -n 2 --dist worksteal -m 'not slow'

test-slow: $(BIN)/.installed-dev    ## the slow ones: more configurations, recorded presets of every experiment
	$(BIN)/python -m pytest -m slow

check: $(BIN)/.installed-dev        ## formatting, lint, types, import layers, generated pages
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m tools.ledger --check
	$(BIN)/python -m tools.results --check

bench: $(BIN)/.installed-dev        ## interleaved benchmarks against PyTorch; writes docs/benchmarks.md
	$(BIN)/python -m benchmarks

docs: $(BIN)/.installed-dev         ## the generated pages: coverage, capabilities, results
	$(BIN)/python -m tools.ledger --write
	$(BIN)/python -m tools.results --write

results: $(BIN)/.installed-dev      ## the full runs of every experiment's docstring command; writes results/
	$(BIN)/python -m tools.results --run --write

faults: $(BIN)/.installed-dev       ## provoke every fault and print what the user saw
	$(BIN)/python -m tools.faults

mutate: $(BIN)/.installed-dev       ## mutate sampled functions; the tests must notice
	$(BIN)/python -m tools.mutate --sample 40 --seed 0

clean:           ## remove the environment and caches; runs/ stays
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache
