# Forestall: `make run` shows it at work, `make test` checks it. `make help` tells the rest.
.DEFAULT_GOAL := help
.PHONY: help run test lint format quality clean

BIN := .venv/bin
EXTRAS ?=
JOBS ?= 4
ARGS ?=
export PYTHON

help: ## what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' Makefile
	@echo "EXTRAS=embeddings installs that extra too, ARGS=... goes to pytest, PYTHON=... chooses the interpreter."

run: ## install into .venv, then show an incident from its first event to its end
	@.ci/install solvers $(EXTRAS)
	@$(BIN)/forestall demo retail

# The tests write and sync a great deal; where there is a file system in memory they use it. A killed process leaves the
# same files behind there as on a disk.
SCRATCH := $(shell [ -w /dev/shm ] && echo /dev/shm || echo $${TMPDIR:-/tmp})

test: ## every test, and the coverage of each room
	@.ci/install dev $(EXTRAS)
	@TMPDIR=$(SCRATCH) $(BIN)/pytest -n $(JOBS) --dist worksteal --cov --cov-report= $(ARGS)

lint: ## ruff, mypy and the arrows between the rooms
	@.ci/install dev $(EXTRAS)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: ## let ruff put the files in order
	@.ci/install dev $(EXTRAS)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

quality: ## how well it detects, explains and acts, over seeded worlds
	@.ci/install dev $(EXTRAS)
	@TMPDIR=$(SCRATCH) $(BIN)/python -m forestall.quality $(ARGS)

clean: ## remove .venv, caches and builds; the ledger in .forestall stays
	@rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage .coverage.*
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
