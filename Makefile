# make demo       chart -> code -> picture, with the model of this repository
# make test       ruff and the fast tests        make test-slow   all tests
# make clean      removes the virtual environment and caches
# The first use sets up .venv with the exact versions of requirements.txt.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test test-slow lint clean

demo: $(READY)
	$(BIN)/python predict.py --refine examples/quarterly_sales.png

# Two processes with a thread each: the tests of one file stay together, since they share what is costly to make.
test: lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not slow" -n 2 --dist loadfile

test-slow: lint
	$(BIN)/python -m pytest

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# torch comes first, by itself: DeepSpeed's setup imports it (hence no build isolation either). DeepSpeed's C++ parts
# are built when they are used, not now.
$(READY): requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(f"Python 3.11 or newer is needed, $(PYTHON) is {sys.version.split()[0]}: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	@echo 'Setting up $(VENV): a few minutes, once'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $$(grep -E '^(torch|numpy|setuptools)==' requirements.txt)
	DS_BUILD_OPS=0 $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation -r requirements.txt
	@touch $@

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
