# Every target sets up what it needs; `make` alone lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Spark is 500 MB and wants Java: an environment of its own, which only spark-test makes.
SPARK := .venv-spark
SPARK_READY := $(SPARK)/.ready
# What we are measured beside, freqtrade above all, is heavy too and wants Python 3.11; only bench and rivals-test make it.
RIVALS := .venv-bench
RIVALS_READY := $(RIVALS)/.ready
# One process more than there are cores, for tests also wait: for clocks, pauses, disks. A file stays in one process, as its tests share
# what was built; tests/conftest.py says in which order.
SPREAD := -n $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1) --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-long spark-test rivals-test bench check docs site picture load build exchange wheel lock clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1\t/' | awk -F '\t' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: $(READY) ## Make the environment .venv with all that is pinned in requirements.lock

# uv is only for speed: where it cannot reach its index, pip does the same.
$(READY) $(SPARK_READY) $(RIVALS_READY): %/.ready: pyproject.toml
	$(PYTHON) -m venv $*
	$*/bin/python -m pip install --quiet --disable-pip-version-check uv || true
	$*/bin/python -m uv pip install --quiet --python $*/bin/python -r $(LOCK) \
	  || $*/bin/python -m pip install --quiet --disable-pip-version-check -r $(LOCK)
	$*/bin/python -m uv pip install --quiet --python $*/bin/python --no-deps -e . \
	  || $*/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@# Where writing bytecode is off, each start would compile every import anew: 10 s of CPU instead of 3.
	@-$*/bin/python -m compileall -q -j 0 $*/lib dlt_pipeline > /dev/null
	@touch $@
$(READY): LOCK := requirements.lock
$(READY): requirements.lock
$(SPARK_READY): LOCK := requirements-spark.lock
$(SPARK_READY): requirements-spark.lock
$(RIVALS_READY): LOCK := requirements-bench.lock
$(RIVALS_READY): requirements-bench.lock

demo: $(READY) ## Run the whole way offline: local exchange, load, build, what came out
	$(BIN)/kraken-candles demo

test: $(READY) ## Run the tests that show each rule once, side by side
	$(BIN)/python -m pytest $(SPREAD)

test-long: $(READY) ## Run all tests but those of Spark; 20 minutes and more
	HYPOTHESIS_PROFILE=long $(BIN)/python -m pytest $(SPREAD) -m "not spark and not rivals"

spark-test: ## Build a small tape on DuckDB and on Spark and compare every table; needs Java 17 or newer
	@.ci/has-java || { echo 'Spark needs Java 17 or newer: put java on the PATH or set JAVA_HOME.' >&2; exit 2; }
	@$(MAKE) --no-print-directory $(SPARK_READY)
	$(SPARK)/bin/python -m pytest -m spark tests/spark

rivals-test: ## Let freqtrade load what is exported, and compare what it writes; needs Python 3.11 or newer
	@.ci/has-rivals || { echo 'freqtrade needs Python 3.11 or newer: say which by PYTHON=python3.11.' >&2; exit 2; }
	@$(MAKE) --no-print-directory $(RIVALS_READY)
	$(RIVALS)/bin/python -m pytest -m rivals tests/interchange

bench: $(RIVALS_READY) ## Measure speed beside freqtrade, pandas, polars, ccxt and numba, into docs/benchmarks.md: make bench [BENCH="start page"]
	$(RIVALS)/bin/python bench/run.py $(BENCH)

check: $(READY) ## Lint and type-check Python and SQL, which way imports point, and whether docs are fresh
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	KRAKEN_CANDLES_WAREHOUSE=:memory: $(BIN)/sqlfluff lint dbt_project
	$(BIN)/python docs/generate.py --check

docs: $(READY) ## Write the reference of tables and settings in docs anew from the code
	$(BIN)/python docs/generate.py

site: $(READY) ## Make a site of the pages in docs, to be read offline: site/index.html
	$(BIN)/python -m sphinx -W --keep-going -q -c docs . site
	@echo 'Open site/index.html.'

picture: $(READY) ## Take the picture of the demo's report that the README shows; needs Chromium
	@command -v chromium > /dev/null || { echo 'The picture is taken by Chromium: apt-get install chromium' >&2; exit 2; }
	folder=$$(mktemp -d) && (cd $$folder && KRAKEN_CANDLES_WAREHOUSE=$$folder/warehouse.duckdb $(CURDIR)/$(BIN)/kraken-candles demo < /dev/null) && \
	  chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
	    --disable-component-update --disable-sync --hide-scrollbars --virtual-time-budget=20000 --window-size=1600,980 \
	    --screenshot=docs/report.png "file://$$folder/report.html" && rm -rf $$folder

load: $(READY) ## Load from Kraken: make load SYMBOLS="BTC/USD ETH/USD" START=2026-11-01 [END=...] [YES=1]
	@test -n "$(SYMBOLS)" -a -n "$(START)" || { echo 'Say what to load: make load SYMBOLS="BTC/USD ETH/USD" START=2026-11-01 [END=2026-11-08]' >&2; exit 2; }
	$(BIN)/kraken-candles load $(SYMBOLS) --start "$(START)" $(if $(END),--end "$(END)") $(if $(YES),--yes)

build: $(READY) ## Build and test the candles of the warehouse with dbt, and publish them
	$(BIN)/kraken-candles build

exchange: $(READY) ## Serve the local exchange on port 8080
	$(BIN)/kraken-candles exchange --port 8080

wheel: $(READY) ## Build the wheel into dist/
	$(BIN)/python -m uv build --wheel --quiet || $(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

lock: $(READY) ## Pin the dependencies anew, for Python 3.10 to 3.13, without and with Spark and rivals
	$(BIN)/python -m uv pip compile --quiet --upgrade --universal --python-version 3.10 --extra dev \
	  --no-annotate --custom-compile-command "make lock" pyproject.toml -o requirements.lock
	$(BIN)/python -m uv pip compile --quiet --upgrade --universal --python-version 3.10 --extra dev --extra spark \
	  --constraint requirements.lock --no-annotate --custom-compile-command "make lock" pyproject.toml -o requirements-spark.lock
	$(BIN)/python -m uv pip compile --quiet --upgrade --universal --python-version 3.11 --extra dev --extra bench \
	  --constraint requirements.lock --no-annotate --custom-compile-command "make lock" pyproject.toml -o requirements-bench.lock

clean: ## Remove the environment and what builds leave behind; warehouses stay
	rm -rf $(VENV) $(SPARK) $(RIVALS) dist site target logs dbt_project/target dbt_project/logs .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
