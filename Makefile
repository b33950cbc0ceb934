# Every target is one line; what they do is in the README. PYTHON names the interpreter to start from.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: run dev test system-test property-test readme-test docker-test chaos bench lint lock clean

run: $(READY)
	$(BIN)/weather-assets run --serve --sample data/samples/nyc-hourly-2013.csv.gz

dev: $(READY)
	$(BIN)/weather-assets dev

test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 3 --dist loadfile

# Whole commands, killed, moved, interrupted and looked into. Much of it waits.
system-test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --timeout 600 --numprocesses 2 --dist load --maxschedchunk 1 --durations 12 weather_assets_tests/system

# Sequences of 50 things that happen to files, runs, sensors and clocks: 200 of them are 10,000 steps.
property-test: EXAMPLES ?= 200
property-test: $(READY)
	OMP_NUM_THREADS=1 WEATHER_ASSETS_TEST_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest --timeout 3600 weather_assets_tests/defs/test_reconciliation.py

# Every command that a README shows, in a shell.
readme-test: $(READY)
	$(BIN)/python -m pytest --timeout 900 weather_assets_tests/readme

# Builds the images, starts a stack of its own, breaks it on purpose, and removes all of it.
docker-test: $(READY)
	STACK=weather-assets-test docker/stack build && STACK=weather-assets-test WEATHER_ASSETS_PYTORCH_IMAGE=weather-assets-test-pytorch:latest $(BIN)/python -m pytest --timeout 900 --durations 15 weather_assets_tests/docker

# Harms `dev` at random for three minutes, and asks whether all came to rest and agrees.
chaos: $(READY)
	$(BIN)/python -m weather_assets_tests.chaos --seconds 180 --seed 1

bench: $(READY)
	$(BIN)/python -m weather_assets_tests.benchmarks --json bench.json

lint: $(READY)
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/pyright

# The lock is universal (Python 3.11 to 3.13, Linux and macOS). CUDA is left out of it: pip adds what
# the torch wheel that it finds asks for, which is nothing for a CPU wheel.
lock: $(READY)
	$(BIN)/python .ci/lock.py

clean:
	-$(BIN)/weather-assets local-azure stop --state data/local-azure
	rm -rf .venv

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info[:2] <= (3, 13) else "Python 3.11, 3.12 or 3.13 is needed; this is " + sys.version.split()[0] + ": make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	$(BIN)/weather-assets prepare-environment || echo "Going on: everything works without it."
	touch $(READY)
