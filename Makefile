# make run    everything on this machine: Temporal, API, worker. Ctrl-C stops it
# make test   all checks and tests, with a real Temporal server and real HTTPS receivers
# make bench  the figures of docs/performance.md
# make fuzz   more than 5,000 requests made up from the OpenAPI document, in a minute or two
# make profile  flame graphs of worker and API under load, as profile-….svg
# make lock   the locked dependencies anew, from pyproject.toml
# make format the code as the checks want it

.PHONY: run test bench fuzz profile lock format

run:
	@scripts/setup run
	@exec .venv/bin/zonehook up

test:
	@scripts/setup dev
	@scripts/check

bench:
	@scripts/setup dev
	@exec .venv/bin/python -m bench

fuzz:
	@scripts/setup dev
	@ZONEHOOK_FUZZ_EXAMPLES=150 .venv/bin/python -m pytest -s -n 0 tests/api/test_made_up.py

profile:
	@scripts/setup dev
	@exec .venv/bin/python -m bench.profile

lock:
	@scripts/lock

format:
	@scripts/setup dev
	@.venv/bin/ruff check --quiet --fix .
	@.venv/bin/ruff format --quiet .
