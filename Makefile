# Two commands do all the set-up on a machine with Python 3.11 or later:
#   make demo     the main job on real input that it makes on the spot, into ./demo
#   make test     everything that is checked before a change lands
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export DO_NOT_TRACK := 1
# The tests start some hundred Python processes; without stored bytecode each of them compiles every module anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test fast integration test-label-studio lint types postgresql chromium infra-tools lock clean help

help:  ## show what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 12

demo: $(VENV)/.jobs  ## run the main job end to end and leave its pictures, report data and store in ./demo
	$(BIN)/calib demo --into demo

test: $(VENV)/.dev postgresql chromium infra-tools lint types  ## lint, types and every test, the slow ones too
	$(BIN)/python -m pytest -n auto --dist worksteal

fast: $(VENV)/.dev  ## the tests that take a moment and start no server
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not slow" --hypothesis-profile=fast --durations=5

FUZZ_SECONDS ?= 600
fuzz: $(VENV)/.dev  ## every reader against made-up input: 5,000 files of every kind, then ten minutes of atheris
	CALIB_FUZZ_FILES=5000 $(BIN)/python -m pytest tests/properties/test_tabular_properties.py tests/properties/test_elicit_properties.py
	$(BIN)/python tests/fuzz/fuzz_tabular.py -max_total_time=$$(( $(FUZZ_SECONDS) / 2 )) -timeout=20 -max_len=4096 -rss_limit_mb=4096
	$(BIN)/python tests/fuzz/fuzz_elicit.py -max_total_time=$$(( $(FUZZ_SECONDS) / 2 )) -timeout=5 -max_len=4096

# about a gigabyte, in a virtual environment of its own
LABEL_STUDIO ?= $(HOME)/.cache/calibwatch-tests/label-studio-1.23
$(LABEL_STUDIO)/.installed:
	$(PYTHON) -m venv $(LABEL_STUDIO)
	$(LABEL_STUDIO)/bin/python -m pip install --quiet --disable-pip-version-check 'label-studio==1.23.*'
	touch $@

test-label-studio: $(VENV)/.dev $(LABEL_STUDIO)/.installed chromium  ## the tests of Label Studio against the real server (5 minutes)
	CALIB_LABEL_STUDIO_VENV=$(LABEL_STUDIO) $(BIN)/python -m pytest tests/label_studio -v

integration: $(VENV)/.dev postgresql  ## schedules for real: Prefect server and worker, a machine that dies, servers that restart
	$(BIN)/python -m pytest -s tests/unit/flows tests/faults/test_database_faults.py tests/simulations/test_year.py

lint: $(VENV)/.dev  ## style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev  ## mypy, strict
	$(BIN)/python -m mypy

postgresql:  ## install PostgreSQL, which tests start on loopback, where it is missing
	@if ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 && ! command -v initdb >/dev/null; then \
	  command -v apt-get >/dev/null || { echo "The tests need PostgreSQL: install it such that initdb is on PATH."; exit 1; }; \
	  test "$$(id -u)" = 0 && as_root= || as_root=sudo; \
	  $$as_root apt-get update -qq && \
	  $$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends postgresql >/dev/null; \
	fi

chromium:  ## install Chromium with its driver, in which tests open reports, where it is missing
	@if ! command -v chromedriver >/dev/null; then \
	  command -v apt-get >/dev/null || { echo "The tests of reports need Chromium: install it such that chromedriver is on PATH."; exit 1; }; \
	  test "$$(id -u)" = 0 && as_root= || as_root=sudo; \
	  $$as_root apt-get update -qq && \
	  $$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium chromium-driver >/dev/null; \
	fi

infra-tools:  ## install docker-compose, kubectl and Prometheus, by which tests check infra/ and dashboards/, where they are missing
	@missing=; \
	command -v docker-compose >/dev/null || missing="docker-compose"; \
	command -v kubectl >/dev/null || missing="$$missing kubernetes-client"; \
	command -v promtool >/dev/null || missing="$$missing prometheus"; \
	if test -n "$$missing"; then \
	  command -v apt-get >/dev/null || { echo "The tests of infra/ and dashboards/ need docker-compose, kubectl and prometheus on PATH."; exit 1; }; \
	  test "$$(id -u)" = 0 && as_root= || as_root=sudo; \
	  $$as_root apt-get update -qq && \
	  $$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $$missing >/dev/null; \
	fi

# The lock is complete, so pip has nothing to resolve; every file is checked against its hash.
$(VENV)/.jobs: requirements/jobs.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "calibwatch needs Python 3.11 or later: make PYTHON=python3.12 demo")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/jobs.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.jobs
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/dev.txt
	touch $@

COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate
lock:  ## resolve requirements/*.txt anew (needs uv)
	$(COMPILE) --extra jobs --extra dev pyproject.toml -o requirements/dev.txt
	$(COMPILE) --extra jobs --group build pyproject.toml -c requirements/dev.txt -o requirements/jobs.txt
	$(COMPILE) --extra measure pyproject.toml -c requirements/dev.txt -o requirements/measure.txt
	$(COMPILE) --extra postgres --group build pyproject.toml -c requirements/dev.txt -o requirements/postgres.txt
	$(COMPILE) pyproject.toml -c requirements/dev.txt -o requirements/client.txt

clean:  ## remove what the demo and the tools left
	rm -rf demo .mypy_cache .ruff_cache .pytest_cache .hypothesis
