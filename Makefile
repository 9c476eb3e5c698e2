# Every target does all its own set-up (tools/setup.sh), can be interrupted and run again, and costs seconds the second time.
#   PYTHON=python3.12 make demo      sets up with another interpreter

export PYTHON ?= python3
RUN := tools/in_environment.sh

.DEFAULT_GOAL := help
.PHONY: help setup setup-tests demo live test coverage soak lint docs bench gpu-check clean

help: ## show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

setup: ## make .venv with ROS 2 and build the messages
	@tools/setup.sh

setup-tests: ## setup, and what the tests, the checks and the pages need
	@tools/setup.sh tests

demo: setup ## say it, see the mask: pictures and a video in demo_out/ or OUT= (SEED=7 for other scenes; SOURCE=clip.mp4 QUERY="the red block" for your own, with the model household)
	@$(RUN) python -m refseg_ros.demo $(if $(SOURCE),--source "$$SOURCE") $(if $(QUERY),--query "$$QUERY") $(if $(OUT),--out "$$OUT") $(if $(SEED),--seed "$$SEED")

live: ## open a page on which you type or say what to look at (SOURCE=0 for your webcam; PORT=8080)
	@tools/setup.sh live
	@$(RUN) python -m refseg_ros.demo.live $(if $(SOURCE),--source "$$SOURCE") $(if $(PORT),--port "$$PORT")

test: setup-tests ## run the tests, a file at a time in each of four processes: many wait for nodes most of their time
	@$(RUN) python -m pytest -n 4 --dist loadfile --no-loadscope-reorder tests

coverage: setup-tests ## run the tests and tell which lines of refseg_ros they missed (TESTS="tests/ros ..." for some of them)
	@$(RUN) coverage erase
	@$(RUN) coverage run -m pytest $(TESTS)
	@$(RUN) coverage combine --quiet
	@$(RUN) coverage report --skip-covered --show-missing

soak: setup-tests ## ten minutes of a camera, the node and faults thrown in at random (MINUTES=, SEED=)
	@$(RUN) python -m tests.soak $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

lint: setup-tests ## check style, types, containers and the workflow
	@$(RUN) ruff check .
	@$(RUN) mypy
	@$(RUN) hadolint docker/*.Dockerfile .devcontainer/Dockerfile
	@$(RUN) check-jsonschema --builtin-schema vendor.compose-spec docker/compose.yaml
	@$(RUN) check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/test.yaml

docs: ## build the pages as a site in site/; stops at a dead link
	@tools/setup.sh docs
	@NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --site-dir site

bench: ## measure this machine, write docs/performance.md (QUICK=1: minutes instead of half an hour; SOAK=120: seconds of the node)
	@tools/setup.sh tests
	@$(RUN) python -m benchmarks $(if $(QUICK),--quick) $(if $(SOAK),--soak $(SOAK))

gpu-check: setup-tests ## try everything that runs on a GPU, write docs/performance-gpu.md (REHEARSE=1: the same code without a GPU)
	@$(RUN) python -m refseg_ros.gpu_check --page docs/performance-gpu.md $(if $(REHEARSE),--rehearse)

clean: ## remove everything that the targets made
	rm -rf .venv demo_out site .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage*
