# Two commands do all the set-up: `make run` and `make test`. Both are safe to repeat.
PYTHON ?= python3
# Options for pip when it installs torch: an index that has builds for your hardware, if PyPI's is not the right one.
TORCH_OPTIONS ?=
BIN := .venv/bin
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: run era5-uk test check lint setup clean

run: setup  ## the embedded sample, from GRIB to the report
	windrow sample data/sample
	snakemake --configfile config/sample.yaml --quiet host reason rules
	windrow summary --config config/sample.yaml

era5-uk: setup data/era5-uk/era5-2mt-2019-03-uk.grib  ## the same line on real ERA5
	snakemake --configfile config/era5-uk.yaml --quiet host reason rules
	windrow summary --config config/era5-uk.yaml

test: setup  ## linters, types and all tests, side by side; what one of them said: make lint, make check
	$(MAKE) --no-print-directory --jobs 2 check lint

check: setup  ## all tests; tests/conftest.py puts the long files first
	pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

lint: setup  ## linters and types
	ruff check
	ruff format --check
	snakefmt --check Snakefile workflow
	mypy
	$(BIN)/python workflow/lint.py

setup: .venv/.complete

# torch first and by itself, so that on a machine without GPU nothing brings CUDA in beside it. All cores
# compile what is imported; pip would do it with one, and the packages' own tests too.
.venv/.complete: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "windrow needs Python 3.11 or newer; set PYTHON=python3.x"; exit 2; }
	@echo "setting up .venv (about two minutes)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { echo "python -m venv failed; on Debian: apt-get install python3-venv"; exit 2; }
	$(BIN)/python -m pip install --progress-bar off --no-compile torch==2.13.0 $(TORCH_OPTIONS)
	$(BIN)/python -m pip install --progress-bar off --no-compile --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -qq -j 0 -x '/tests?/' .venv/lib || true
	$(BIN)/python -m pip check
	@command -v nvidia-smi >/dev/null || ! $(BIN)/python -m pip list 2>/dev/null | grep -q '^nvidia-' || \
		echo "note: this torch brought CUDA packages and the machine has no GPU; for a build without them: rm -rf .venv, then make TORCH_OPTIONS='--index-url <the CPU index of pytorch.org>'"
	@touch $@

data/era5-uk/era5-2mt-2019-03-uk.grib:
	$(BIN)/python workflow/era5_uk.py $@

clean:  ## remove what the workflow made, not the archives
	rm -rf results logs .snakemake
