# Every target does all its own set-up (tools/setup.sh), can be interrupted and run again, and costs seconds the second time.
#   PYTHON=python3.12 make demo      sets up with another interpreter

export PYTHON ?= python3
RUN := tools/in_environment.sh

.DEFAULT_GOAL := help
.PHONY: help setup setup-tests demo test coverage soak lint bench clean

help: ## show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

setup: ## make .venv with ROS 2 and build the messages
	@tools/setup.sh

setup-tests: ## setup, and torch and the test tools
	@tools/setup.sh tests

demo: setup ## say it, see the mask: pictures and a video in demo_out/ or OUT= (SOURCE=clip.mp4 QUERY="the red block" for your own)
	@$(RUN) python -m refseg_ros.demo $(if $(SOURCE),--source "$$SOURCE") $(if $(QUERY),--query "$$QUERY") $(if $(OUT),--out "$$OUT")

test: setup-tests ## run the tests
	@$(RUN) python -m pytest

coverage: setup-tests ## run the tests and tell which lines of refseg_ros they missed (TESTS="tests/ros ..." for some of them)
	@$(RUN) coverage erase
	@$(RUN) coverage run -m pytest $(TESTS)
	@$(RUN) coverage combine --quiet
	@$(RUN) coverage report --skip-covered --show-missing

soak: setup-tests ## ten minutes of a camera, the node and faults thrown in at random (MINUTES=, SEED=)
	@$(RUN) python -m tests.soak $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

lint: setup-tests ## check style and types
	@$(RUN) ruff check .
	@$(RUN) mypy

bench: ## measure this machine, write docs/performance.md (QUICK=1: minutes instead of half an hour; SOAK=120: seconds of the node)
	@tools/setup.sh bench
	@$(RUN) python -m benchmarks $(if $(QUICK),--quick) $(if $(SOAK),--soak $(SOAK))

clean: ## remove everything that the targets made
	rm -rf .venv demo_out .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage*
