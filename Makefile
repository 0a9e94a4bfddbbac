# Two commands: `make leads` (the whole pipeline on the simulated city) and `make test`.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
# one library thread pool per process is enough on small machines; LightGBM and BLAS oversubscribe otherwise
export OMP_NUM_THREADS ?= 2
export DVC_NO_ANALYTICS := 1
# every stage, and many a test, is a process of its own: where modules are not kept compiled, each compiles all of pandas and MLflow anew
unexport PYTHONDONTWRITEBYTECODE

.PHONY: leads test soak check system bench notebooks clean help

help:            ## lists the commands
	@grep -E '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	@# uv unpacks these packages in seconds where pip takes minutes; pip does it where uv cannot reach the index
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -e ".[dev]" || \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $@

leads: $(VENV)/.installed   ## the whole pipeline on the simulated city; ends with the paths of workbook and page
	@$(BIN)/dvc repro
	@echo; for each in data/leads/as_of=*/leads.xlsx data/leads/as_of=*/leads.html; do echo "$(CURDIR)/$$each"; done

# three workers for two cores, because one that starts Java or a browser waits; heavy files come early in the alphabet, few tests each;
# what runs on Spark stays on one worker (tests/conftest.py); threads of three workers would wait for each other's cores, spinning
test: export OMP_NUM_THREADS := 1
test: $(VENV)/.installed system   ## the tests
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder -m "not soak"

soak: $(VENV)/.installed system   ## what takes minutes more: rules and scores on Spark, Spark Connect, real claims
	$(BIN)/python -m pytest -m soak

check: $(VENV)/.installed   ## format, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

system:          ## installs Debian's chromium, libreoffice and postgresql for the tests that need them (skipped where it may not)
	@sh .ci/system-packages

bench: $(VENV)/.installed   ## benchmarks beside their baselines (slow); DATA=folder of the public sets
	$(BIN)/python -m benchmarks $(DATA)

notebooks: $(VENV)/.installed   ## runs every notebook
	@for each in notebooks/*.py; do echo $$each; MPLBACKEND=agg $(BIN)/python $$each > /dev/null || exit 1; done

clean:           ## removes what the pipeline wrote
	rm -rf data models/city .dvc/cache .dvc/tmp dvc.lock
