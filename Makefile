# Every target is one command; `make` lists them. What a target needs is set up by tools/setup.sh before it runs.
RUN := tools/setup.sh
SCENARIO ?=
.DEFAULT_GOAL := help
.PHONY: help setup demo demo-down lab-up lab-down lab-status test unit lint sanity molecule bench docs build clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

setup: ## install what the other targets need (a virtual environment and Debian packages)
	@$(RUN)

demo: ## raise the lab, deploy the whole stack on it, and say where to look
	@$(RUN) python3 -m tools.demo up

demo-down: ## remove the demo's hosts and all that the demo wrote
	@$(RUN) python3 -m tools.demo down

lab-up: ## raise the demo's hosts and deploy nothing
	@$(RUN) python3 -m tools.lab up --inventory inventories/demo/hosts.yml

lab-down: ## remove every host, network and volume that the lab made
	@$(RUN) python3 -m tools.lab down --all

lab-status: ## what of the lab is there
	@$(RUN) python3 -m tools.lab status

test: ## run every check (what CI runs)
	@$(RUN) python3 -m tools.suite

unit: ## pure logic, seconds, no network
	@$(RUN) python3 -m tools.suite unit

lint: ## style, types, shell, YAML, Ansible, changelog, generated docs
	@$(RUN) python3 -m tools.suite lint

sanity: ## ansible-test sanity on a clean copy of the tree
	@$(RUN) python3 -m tools.suite sanity

molecule: ## roles on real systemd hosts: all scenarios, or SCENARIO=name
	@$(RUN) python3 -m tools.suite $(or $(SCENARIO:%=molecule-%),molecule)

bench: ## how long a run takes at 2, 8 and 20 hosts; what the agent costs, beside its peers; a sweep of 2,000 agents
	@$(RUN) python3 tests/bench/converge.py
	@$(RUN) python3 tests/bench/agent.py
	@$(RUN) python3 tests/bench/sweep.py

docs: ## write the roles' option tables and the pages of the checks from what they declare
	@$(RUN) python3 -m tools.docs

build: ## the collection's archive and the wheel of the Python package, in dist/
	@$(RUN) python3 -m tools.suite.package dist

clean: ## remove what the targets wrote into this folder
	@rm -rf build dist tests/output .mypy_cache .pytest_cache .ruff_cache .ansible
	@find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
