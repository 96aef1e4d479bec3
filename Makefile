# Everything a person types. Needs Python 3.11 and make; uv is fetched into .uv when missing.
PYTHON ?= python3.11
UV := $(or $(shell command -v uv 2>/dev/null),.uv/bin/uv)
RUN := .venv/bin
export DO_NOT_TRACK := 1

.PHONY: nightly test test-browser test-long test-crash test-crash-matrix lint types ui simulator bench bench-tags bench-webhook bench-send bench-ask bench-results mutants docs clean

nightly: .venv/.synced ## the main job on the bundled clinics, against the bundled LINE simulator
	$(RUN)/tagline nightly

test: .venv/.synced ## the whole suite
	$(RUN)/python -m pytest

test-browser: .venv/.synced ## the pages in the Chromium of this machine, driven by Playwright
	$(UV) sync --locked --quiet --group browser
	$(RUN)/python -m pytest -m browser -n 0 tests/test_*browser.py

test-long: .venv/.synced ## what takes minutes a test: replayed histories, kills at many lines
	$(RUN)/python -m pytest -m long

test-crash: .venv/.synced ## kill -9 under every fault, and weeks of it; writes docs/reliability.md
	rm -rf data/reliability
	$(RUN)/python -m pytest -m crash
	$(RUN)/python docs/reliability.py

test-crash-matrix: .venv/.synced ## the same with a kill at every line for real: an hour
	$(RUN)/python -m pytest -m crash_matrix

lint: .venv/.synced
	$(RUN)/ruff check . && $(RUN)/ruff format --check . && $(RUN)/sqlfmt --check dbt && $(RUN)/tagline lint

types: .venv/.synced
	$(RUN)/mypy

ui: .venv/.synced ## Dagster (webserver and daemon) on the same state, http://127.0.0.1:3000
	$(RUN)/tagline ui

simulator: .venv/.synced ## the LINE stand-in alone, http://127.0.0.1:8787
	$(RUN)/tagline simulator

bench: .venv/.synced ## what a night costs, as ratios
	$(RUN)/python -m bench

bench-tags: .venv/.synced ## what a hundred tags cost against ten
	$(RUN)/python -m bench.tags

bench-webhook: .venv/.synced ## how many webhooks a second one core takes
	PYTHONPATH=tests $(RUN)/python -m bench.webhook

bench-send: .venv/.synced ## what planning for and sending to 30,000 people costs
	PYTHONPATH=tests $(RUN)/python -m bench.send

bench-ask: .venv/.synced ## how long preview and explain take on a large clinic
	$(RUN)/python -m bench.ask

bench-results: .venv/.synced ## what counting 24 months of messages and the report cost
	PYTHONPATH=tests $(RUN)/python -m bench.results

mutants: .venv/.synced ## the share of small mistakes in the rules that the tests notice
	$(RUN)/python -m bench.mutants

docs: .venv/.synced ## the pages that are written from the code
	$(RUN)/python docs/generate.py

clean: ## forget everything that was derived
	rm -rf data dbt/target dbt/logs

.venv/.synced: pyproject.toml uv.lock | $(UV)
	$(UV) sync --locked --quiet --compile-bytecode
	@touch $@

.uv/bin/uv:
	$(PYTHON) -m venv .uv
	.uv/bin/python -m pip install --quiet --disable-pip-version-check uv
