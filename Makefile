# Two commands matter: `make book` and `make test`. Both set up what they need in .venv/.
# Every target is one or two commands that a person could type.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Small tensors on few cores: one thread a test worker is faster than two that wait for each other.
ONE_THREAD := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
COVERAGE := --cov --cov-report=term:skip-covered --cov-fail-under=90

.PHONY: help book test test-full notebooks assignments lab bench grade-demo clean
.DEFAULT_GOAL := help

help:            ## list the targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*##/\t/' | expand -t 14

$(READY): pyproject.toml constraints.txt .ci/install
	PYTHON=$(PYTHON) .ci/install $(VENV)
	@touch $@

book: $(READY)   ## set up, then render the book from the committed outputs
	$(BIN)/course book

test: $(READY)   ## set up, then run the tests and every chapter
	$(ONE_THREAD) $(BIN)/python -m pytest -n 2 --dist loadscope --nbval tests notebooks -m "not full" $(COVERAGE)

test-full: $(READY)  ## the same, and what takes longer
	$(ONE_THREAD) $(BIN)/python -m pytest -n 2 --dist loadscope --nbval tests notebooks $(COVERAGE)

notebooks: $(READY)  ## execute again what changed
	$(BIN)/course notebooks

assignments: $(READY)  ## generate assignments/ from solutions/
	$(BIN)/course assignments

bench: $(READY)  ## measure this machine and record it
	$(BIN)/course bench

grade-demo: $(READY)  ## grade two made-up submissions and print their marks
	$(BIN)/python -m course_utils.grading.demo

lab: $(READY)    ## open JupyterLab
	$(BIN)/jupyter lab

clean:           ## remove what was built (the environment stays)
	rm -rf _build .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage*
