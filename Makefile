# Footnote: `make` prints what there is. Everything happens in .venv; nothing is installed outside it but Chromium (e2e).
.DEFAULT_GOAL := help
SHELL := /bin/bash
VENV := .venv
PY := $(VENV)/bin/python
BIN := $(VENV)/bin
PYTHON ?= python3
SEED ?= 1
# 0: a fixed number of inputs for each target.
FUZZ_SECONDS ?= 0
TORCH := torch==2.13.0
# One more than the cores of a small machine: half of a test's time it waits for servers that start, stop or time out.
TEST_PROCESSES ?= 3
IMAGE ?= footnote:0.1.0
ENGINE ?= docker
.PHONY: help install install-test install-vllm web run test test-vllm test-llama-cpp test-image lint format e2e faults faults-long fuzz bench bench-long eval openapi clean

help: ## print this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk 'BEGIN {FS = ":.*## "} {printf "  make %-14s %s\n", $$1, $$2}'

$(VENV)/.installed: pyproject.toml
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@echo "Installing (once; a few minutes)"
	@if [ "$$(uname -s)" = Linux ] && ! $(PY) -c 'import torch' 2>/dev/null; then \
	  $(BIN)/pip install -q $(TORCH)+cpu 2>/dev/null || \
	  $(BIN)/pip install -q $(TORCH) ; fi
	@$(BIN)/pip install -q -e .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	@$(BIN)/pip install -q -e '.[test]'
	@touch $@

$(VENV)/.installed-bench: $(VENV)/.installed-test
	@$(BIN)/pip install -q -e '.[bench]'
	@touch $@

$(VENV)/.installed-fuzz: $(VENV)/.installed-test
	@$(BIN)/pip install -q -e '.[fuzz]'
	@touch $@

install: $(VENV)/.installed ## make .venv and install Footnote into it

install-test: $(VENV)/.installed-test ## the same with what the tests need

web/dist/index.html: web/package-lock.json $(shell find web/src web/public -type f 2>/dev/null) web/index.html
	@if command -v npm >/dev/null; then \
	  echo "Building the web app"; cd web && npm ci --silent --no-audit --no-fund && npm run --silent build; \
	else echo "No npm: the web app is left out. Install Node 20 or newer and run make web."; fi

web: web/dist/index.html ## build the web app (needs Node 20)

run: install web ## run the whole assistant with the sample company on http://127.0.0.1:8000
	@exec $(BIN)/footnote up --sample

test: install-test ## run every test that needs no outside service
	@$(BIN)/pytest -q -n $(TEST_PROCESSES) $(TEST_OPTIONS)

# vLLM's own environment: its requirements are not ours. What is taken out again does not match that build of PyTorch.
$(VENV)-vllm/.installed: tests/vllm/requirements.txt
	@test -x $(VENV)-vllm/bin/python || $(PYTHON) -m venv $(VENV)-vllm
	@echo "Installing vLLM (once; 4 minutes, 3.5 GB)"
	@$(VENV)-vllm/bin/pip install -q -r tests/vllm/requirements.txt
	@$(VENV)-vllm/bin/pip uninstall -q -y torchvision torchaudio torchcodec
	@$(VENV)-vllm/bin/pip install -q --no-deps llama-models==0.3.0
	@touch $@

install-vllm: $(VENV)-vllm/.installed

test-vllm: install-test install-vllm ## start a real vLLM on the processors with a tiny Llama, and test against it
	@$(BIN)/pytest -q tests/vllm

$(VENV)-llama-cpp/.installed: tests/llama_cpp/requirements.txt
	@test -x $(VENV)-llama-cpp/bin/python || $(PYTHON) -m venv $(VENV)-llama-cpp
	@$(VENV)-llama-cpp/bin/pip install -q -r tests/llama_cpp/requirements.txt
	@touch $@

test-llama-cpp: install-test $(VENV)-llama-cpp/.installed ## the same with llama.cpp and a small Gemma (not in CI)
	@$(BIN)/pytest -q tests/llama_cpp

test-image: install-test ## try the image of production: make test-image IMAGE=footnote:0.1.0 ENGINE=docker (not in CI)
	@FOOTNOTE_TEST_IMAGE=$(IMAGE) FOOTNOTE_TEST_ENGINE=$(ENGINE) $(BIN)/pytest -q tests/image

lint: install-test ## ruff, mypy, import-linter; and the web app's own where Node is present
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports
	@if command -v npm >/dev/null; then cd web && { test -d node_modules || npm ci --silent --no-audit --no-fund; } && \
	  npm run --silent lint && npm run --silent test; fi

format: install-test ## format the Python code
	@$(BIN)/ruff check --fix -q . ; $(BIN)/ruff format -q .

e2e: install-test web ## browser tests in headless Chromium (Debian's, or the one at FOOTNOTE_TEST_CHROMIUM)
	@$(BIN)/pytest -q tests/e2e

faults: install-test ## take one part after the other away, for real: nothing accepted may be lost
	@$(BIN)/pytest -q tests/faults

faults-long: install-test ## 10,000 documents and 500 kills in each size, hours on 2 cores; writes docs/faults.md
	@$(PY) -m tests.faults --documents 10000 --kills 500 --seed $(SEED) --report docs/faults.md

fuzz: $(VENV)/.installed-fuzz ## hostile bytes at every parser and reader (Linux on x86-64); FUZZ_SECONDS=60: so long for each
	@$(BIN)/pytest -q -n 2 --dist load tests/fuzz --fuzz-seed=$(SEED) --fuzz-seconds=$(FUZZ_SECONDS)

eval: install-test ## score the sample company and the public sets that are there, against the kept scores (docs/evaluation.md)
	@$(BIN)/pytest -q tests/evaluation $(addprefix --without=,$(EVAL_WITHOUT))

bench: $(VENV)/.installed-bench ## print speed, memory and start-up figures
	@$(PY) -m tests.bench && $(PY) -m tests.bench.index_server

bench-long: $(VENV)/.installed-bench ## the same up to 100,000 documents of a chunk each, an hour or so; writes docs/benchmarks.md
	@$(PY) -m tests.bench --documents 600 --rounds 3 --marks 1000 20000 100000 --report docs/benchmarks.md

openapi: install-test ## write web/openapi.json and the web app's types
	@$(PY) -m services.api.openapi > web/openapi.json
	@cd web && npm run --silent types

clean: ## delete what the targets above made, but no data
	rm -rf $(VENV) $(VENV)-vllm $(VENV)-llama-cpp web/node_modules web/dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
