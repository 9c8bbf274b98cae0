# `make help` says what there is. Needs Python with pip, make and git; everything else is installed into .venv.

PYTHON ?= python3
UV := $(if $(shell uv --version 2>/dev/null),uv,.uv/bin/uv)
RUN := .venv/bin/python

# Once GPU=1 was asked for, .venv stays one for GPUs.
LOCK := $(if $(or $(GPU),$(wildcard .venv/requirements-gpu.lock.ready)),requirements-gpu.lock,requirements.lock)
# Where `make test-other-stack` keeps its Debian 13; `make benchmark` measures in it, too, once it is there.
STACK_ROOT ?= /var/tmp/tfx-fashion-mnist-debian-13
# What is installed stays, unless PYTHON_VERSION asks for another.
READY := .venv/$(LOCK)$(if $(PYTHON_VERSION),-$(PYTHON_VERSION)).ready

.DEFAULT_GOAL := help
.PHONY: help doctor audit sbom setup run test test-kubeflow test-other-stack test-engines flink-up flink-down prism-up \
	prism-down torture torture-short prove-image check format lock benchmark benchmark-scale benchmark-engines benchmark-retraining simulate-gate simulate-year clean

help: ## Show this list.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-20s %s\n", $$1, $$2}'

doctor: ## Say what this machine has and lacks, with what to do; nothing need be installed.
	@$(PYTHON) run_pipeline.py doctor

setup: $(READY) ## Install everything that fits this machine; PYTHON_VERSION=3.12 for another Python, GPU=1 for CUDA.

run: $(READY) ## Run the pipeline; ARGS="--data sample --epochs 3" for its options.
	@$(RUN) run_pipeline.py run $(ARGS)

test: $(READY) ## Run all tests; ARGS="tests/unit -k idx" for some.
	@$(RUN) -m pytest $(ARGS)

test-kubeflow: $(READY) .kubeflow/ready ## Run it on Kubeflow Pipelines' own backend (root, Linux); KFP_BACKEND=DIR has its programs.
	@$(RUN) -m pytest tests/kubeflow $(ARGS)

flink-up: $(READY) ## Start a Flink cluster with Beam's job server on this machine (Java 11 or 17, Maven); see docs/scale.md.
	@$(RUN) -m deploy.flink.cluster up

flink-down: $(READY) ## End it.
	@$(RUN) -m deploy.flink.cluster down

prism-up: $(READY) ## Start Prism, Beam's portable runner in one Go program (Go); see docs/scale.md.
	@$(RUN) -m deploy.prism up

prism-down: $(READY) ## End it.
	@$(RUN) -m deploy.prism down

test-engines: $(READY) ## Run the whole pipeline on Flink (Java, Maven) again and again, and on Prism (Go), and break them.
	@$(RUN) -m pytest -m engine $(ARGS)

torture: $(READY) .torture/ready ## Do all that can go wrong on purpose: kills, damage, full disks, clocks (root, Linux); an hour.
	@$(RUN) -m pytest tests/faults -m "" $(ARGS)
	@.torture/atheris/bin/python -m tests.faults.fuzz_idx $(FUZZ_SECONDS)
FUZZ_SECONDS := 60

torture-short: $(READY) ## Do the part of it that takes minutes and no root: kills, properties, damaged data and options.
	@$(RUN) -m pytest -m "" $(addprefix tests/faults/test_,properties.py damaged_options.py damaged_data.py pushes.py \
		kills.py::test_a_run_killed_where_most_can_be_broken_is_survived) $(ARGS)

prove-image: ## Run the Dockerfile's steps in a Debian 13, without docker (root, mmdebstrap); see deploy/prove_image.py.
	@$(PYTHON) deploy/prove_image.py $(or $(IMAGE_ROOT),/tmp/image-root) $(if $(IMAGE_PYTHON),--python $(IMAGE_PYTHON))

test-other-stack: $(READY) ## Test the current stack in a Debian 13, and both with each other (root, mmdebstrap, glibc < 2.39).
	@$(PYTHON) deploy/test_stack.py $(STACK_ROOT)

check: $(READY) ## Check format, lint and types.
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy

format: $(READY) ## Format the code and mend what the linter can.
	@.venv/bin/ruff check --fix-only --quiet .
	@.venv/bin/ruff format .

lock: | $(filter .uv/bin/uv,$(UV)) ## Compile the lock files from pyproject.toml.
	$(UV) pip compile $(LOCK_OPTIONS) --group dev pyproject.toml --output-file requirements.lock
	$(UV) pip compile $(LOCK_OPTIONS) --group dev --extra gpu --constraint requirements.lock pyproject.toml \
		--output-file requirements-gpu.lock
LOCK_OPTIONS := --quiet --universal --generate-hashes --python-version 3.10 --custom-compile-command "make lock"

# Once for each stack: the lock's markers are read for the Python that pip-audit runs on. --strict: a package that could not
# be asked about is an error, and not silence.
audit: $(READY) ## Look both stacks' releases up among the vulnerabilities that osv.dev knows (needs the network).
	@for python in 3.10 3.12; do echo "Python $$python"; $(UV) tool run --python $$python pip-audit --strict --disable-pip \
		--require-hashes --vulnerability-service osv --requirement requirements.lock || exit; done

sbom: $(READY) ## Write sbom.json, the packages of both stacks with their hashes, in CycloneDX' form (needs the network).
	@$(UV) tool run --from '$(SBOM)' cyclonedx-py requirements $(LOCK) --output-format JSON --output-file sbom.json
	@echo "sbom.json: the Python packages; docker build --sbom=true adds those of Debian"
SBOM := cyclonedx-bom==7.2.1

benchmark: $(READY) ## Time the pipeline against the plain tutorial script and a stock TFX pipeline.
	@$(RUN) -m benchmarks.compare $(ARGS)
	@if [ -e $(STACK_ROOT)/made ]; then $(PYTHON) deploy/test_stack.py $(STACK_ROOT) --benchmark "$(ARGS)"; fi

benchmark-scale: $(READY) ## Time and memory of each stage at 70,000, 280,000 and 700,000 images.
	@$(RUN) -m benchmarks.scale $(ARGS)

benchmark-engines: $(READY) ## Time it on Beam's own runner, on Prism and on Flink, beside a stock TFX pipeline.
	@$(RUN) -m benchmarks.engines $(ARGS)

benchmark-retraining: $(READY) ## Train on the real data again and again, sound and faulty: does the gate tell them apart?
	@$(RUN) -m benchmarks.retraining $(ARGS)

simulate-gate: $(READY) ## How often the gate rejects for a loss that is none, and how often it catches one.
	@$(RUN) -m benchmarks.gate_simulation $(ARGS)

simulate-year: $(READY) ## Live through a year of nightly runs, with alarms, rollbacks and `clean`; ARGS="--days 60" for less.
	@$(RUN) -m benchmarks.simulated_year $(ARGS)

clean: ## Remove .venv, caches and what the tests fetched; output/ stays.
	rm -rf .venv .uv .kubeflow .torture .flink .prism .mypy_cache .pytest_cache .ruff_cache sbom.json
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stack is chosen before anything is downloaded, uv included.
$(READY): $(LOCK)
	@mkdir -p .uv && $(PYTHON) -m pipeline.machine.stack $(PYTHON_VERSION) > .uv/chosen
	@$(if $(filter .uv/bin/uv,$(UV)),$(MAKE) --silent .uv/bin/uv)
	@echo "Installing into .venv: $(LOCK)"
	@$(UV) venv --quiet --allow-existing --python "$$(cat .uv/chosen)" .venv
	@$(UV) pip sync --quiet --require-hashes --python .venv/bin/python $(LOCK)
	@rm -f .venv/*.ready
	@touch $@ .venv/$(LOCK).ready

# An S3 server and a validator in a place of their own, and MariaDB unpacked, not installed: nothing of the machine changes.
.kubeflow/ready: | $(filter .uv/bin/uv,$(UV))
	@echo "Getting an S3 server, a validator and MariaDB into .kubeflow"
	@rm -rf .kubeflow && mkdir -p .kubeflow/packages .kubeflow/mariadb
	@$(UV) venv --quiet --python .venv/bin/python .kubeflow/s3
	@$(UV) pip install --quiet --python .kubeflow/s3/bin/python '$(MOTO)' '$(VALIDATOR)'
	@cd .kubeflow/packages && apt-get update -qq \
		&& for name in $(MARIADB); do apt-get download -qq $$name 2>/dev/null || apt-get download -qq $${name}t64; done
	@for package in .kubeflow/packages/*.deb; do dpkg -x $$package .kubeflow/mariadb || exit; done
	@touch $@
MOTO := moto[server]==5.2.5
# Not in .venv: TFX would import it, and with it two seconds' worth of libraries.
VALIDATOR := kubernetes-validate==1.37.0
# Later releases of Debian call some of them ...t64.
MARIADB := mariadb-server-core libaio1 libnuma1 liburing2 libpcre2-8-0

# A fuzzer in a place of its own, for there is no wheel of it for every machine.
.torture/ready: | $(filter .uv/bin/uv,$(UV))
	@echo "Getting atheris into .torture"
	@rm -rf .torture
	@$(UV) venv --quiet --python .venv/bin/python .torture/atheris
	@$(UV) pip install --quiet --python .torture/atheris/bin/python --only-binary :all: atheris numpy
	@touch $@

.uv/bin/uv:
	@echo "Installing uv into .uv"
	@PIP_ROOT_USER_ACTION=ignore $(PYTHON) -m pip install --quiet --disable-pip-version-check --target .uv uv
