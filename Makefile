# Two commands do everything: `make demo` and `make test`. Needs Python 3.11 or newer and OpenMP.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DATA_ROOT ?= data

# LightGBM needs the system's OpenMP library, which slim images and macOS lack.
define FIND_OPENMP
$(BIN)/python -c 'import lightgbm' 2>/dev/null || { \
	[ "$$(id -u)" -eq 0 ] && command -v apt-get >/dev/null && echo "Installing OpenMP (libgomp1)" && \
	apt-get update -qq >/dev/null && apt-get install -y -qq --no-install-recommends libgomp1 >/dev/null; \
	$(BIN)/python -c 'import lightgbm' || \
	{ echo "LightGBM does not load. It needs OpenMP: apt-get install libgomp1 (Debian, Ubuntu), dnf install libgomp (Fedora), brew install libomp (macOS)."; exit 2; }; }
endef

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench docs clean

help: ## Show what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

$(VENV)/python-found:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one with: make PYTHON=/path/to/python3.12 demo"; exit 2; }
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/run-ready: requirements.txt pyproject.toml | $(VENV)/python-found
	@echo "Installing what the product needs into $(VENV) (about a minute, once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@$(FIND_OPENMP)
	@touch $@

$(VENV)/test-ready: requirements-dev.txt pyproject.toml | $(VENV)/python-found
	@echo "Installing what tests need into $(VENV) (about a minute, once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@$(FIND_OPENMP)
	@touch $@ $(VENV)/run-ready

demo: $(VENV)/run-ready ## Run the whole journey on the sample ledger and serve the dashboard (NO_DASHBOARD=1 stops before serving)
	@$(BIN)/segmentation demo --data-root $(DATA_ROOT) $(if $(NO_DASHBOARD),--no-serve)

test: $(VENV)/test-ready ## Run all tests; installs Chromium and PostgreSQL where it may
	@sh tests/install_system_packages.sh
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: $(VENV)/test-ready ## Check style, types and import rules
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

bench: $(VENV)/test-ready ## Run the benchmarks; writes docs/benchmarks.md (ONLY="load features" runs these)
	@$(BIN)/python -m tests.benchmarks $(ONLY)

docs: $(VENV)/run-ready ## Write docs/features.md from the definitions of the features
	@$(BIN)/python -c 'from segmentation.features.documentation import render_page as page; print(page(), end="")' > docs/features.md

clean: ## Remove the environment and all results but the decisions of people
	rm -rf $(VENV) $(DATA_ROOT)/published $(DATA_ROOT)/candidates $(DATA_ROOT)/dagster $(DATA_ROOT)/warehouse.duckdb* $(DATA_ROOT)/run.lock $(DATA_ROOT)/last_run.json $(DATA_ROOT)/last_delivery.json $(DATA_ROOT)/next_delivery
