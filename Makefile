# make run    everything on this machine: Temporal, API, worker. Ctrl-C stops it
# make test   all checks and tests, with a real Temporal server and real HTTPS receivers
# make bench  the figures of docs/performance.md
# make profile  flame graphs of worker and API under load, as profile-….svg
# make lock   the locked dependencies anew, from pyproject.toml
# make format the code as the checks want it

.PHONY: run test bench profile lock format

run:
	@scripts/setup run
	@exec .venv/bin/zonehook up

test:
	@scripts/setup dev
	@scripts/check

bench:
	@scripts/setup dev
	@exec .venv/bin/python -m bench

profile:
	@scripts/setup dev
	@exec .venv/bin/python -m bench.profile

lock:
	@scripts/lock

format:
	@scripts/setup dev
	@.venv/bin/ruff check --quiet --fix .
	@.venv/bin/ruff format --quiet .
