# make report   the report of a sample with the embedded default model
# make site     the example site, site/_build: all samples under two models, in half an hour to an hour on two cores the first time; SITE_ARGS=... is handed to it
# make test     all the tests
# make known-answers  tests on models that nothing else needs; each says what it downloads
# make benchmark  time and memory beside other ways; BENCHMARK_ARGS=... is handed to tests/benchmarks/measure_speed.py
# make screenshots  the README's two pictures, of that report; MEASURED=X.npz takes other measurements
# All set up .venv first and do it only once. PYTHON=... chooses the Python, PIP_ARGS=... is handed to pip.

PYTHON ?= python3
PIP_ARGS ?=
SITE_ARGS ?=
BENCHMARK_ARGS ?= --gradients
SAMPLE := samples/roosevelt-1941.txt
MEASURED ?= roosevelt-1941.npz
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet $(PIP_ARGS)
HAS_TORCH := import importlib.util as u, sys; sys.exit(u.find_spec("torch") is None)

.PHONY: report site test known-answers lint snapshots benchmark screenshots clean

report: .venv/installed
	@$(BIN)/reportgen models fetch > /dev/null
	@$(BIN)/reportgen report $(SAMPLE) -o report.html

site: .venv/installed-for-site
	@$(BIN)/reportgen site build $(SITE_ARGS)

test: .venv/installed-for-tests
	@$(BIN)/reportgen models fetch > /dev/null
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist worksteal

known-answers: .venv/installed-for-tests
	$(BIN)/python -m pytest tests/known_answers --downloads -rP

snapshots: .venv/installed-for-tests
	$(BIN)/python -m pytest tests/test_report.py tests/pages tests/capture/test_families.py --update-snapshots

benchmark: .venv/installed-for-benchmarks
	@$(BIN)/reportgen models fetch > /dev/null
	$(BIN)/python tests/benchmarks/measure_speed.py $(BENCHMARK_ARGS)

screenshots: .venv/installed-for-tests
	@$(BIN)/reportgen models fetch > /dev/null
	@test -f $(MEASURED) || $(BIN)/reportgen measure $(SAMPLE) -o $(MEASURED)
	$(BIN)/python docs/screenshots.py $(MEASURED)

# A torch that the chosen Python has already is used as it is; otherwise the pinned one is downloaded.
.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed, not " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@if $(PYTHON) -c '$(HAS_TORCH)'; then \
		echo "Setting up .venv with the torch that is installed; downloading about 220 MB of other libraries."; \
		$(PYTHON) -m venv --clear --system-site-packages .venv && grep -v '^torch==' constraints.txt > .venv/constraints.txt; \
	else \
		echo "Setting up .venv; downloading torch (about 200 MB as a CPU build, several GB where only builds with CUDA are offered:"; \
		echo "install a CPU build of torch first to avoid that) and about 220 MB of other libraries."; \
		$(PYTHON) -m venv --clear .venv && cp constraints.txt .venv/constraints.txt; \
	fi
	@$(PIP) --constraint .venv/constraints.txt --editable .
	@touch $@

.venv/installed-for-site: .venv/installed
	@echo "Setting up what reads Word files, PDF and web pages: about 30 MB."
	@$(PIP) --constraint .venv/constraints.txt --editable '.[documents]'
	@touch $@

.venv/installed-for-tests: .venv/installed
	@echo "Setting up the tests' own libraries: about 140 MB."
	@$(PIP) --constraint .venv/constraints.txt --editable '.[test]'
	@touch $@

.venv/installed-for-benchmarks: .venv/installed
	@echo "Setting up the tools that are compared: about 50 MB."
	@$(PIP) --constraint .venv/constraints.txt --editable '.[benchmark]'
	@touch $@

clean:
	rm -rf .venv report.html site/_build
