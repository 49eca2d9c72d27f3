"""Temporal's own count of what it writes, from its Prometheus metrics."""

import asyncio
import re
from collections import Counter

import httpx

from bench.plan import BenchFailed

UPDATE = "UpdateWorkflowExecution"
CREATE = "CreateWorkflowExecution"
TASKS = "CreateTasks"
VISIBILITY = "visibility"
STATEMENTS = "statements"
TRANSACTIONS = "transactions"

_LINE = re.compile(r'(visibility_)?persistence_requests\{[^}]*operation="(\w+)"[^}]*\} (\S+)')
_RECORDS = re.compile(r"(?m)^zonehook_database_(statements|transactions)_total(?:\{[^}]*\})? (\S+)")
_INTERVAL_SECONDS = 1.1  # the server brings the page up to date once a second
_MOST_READINGS = 20


async def writes(client: httpx.AsyncClient, url: str) -> Counter[str]:
    """Writes since the start: of workflow executions, of backlog tasks, and all of visibility. Raises BenchFailed."""
    try:
        answer = await client.get(url)
        answer.raise_for_status()
    except httpx.HTTPError as problem:
        raise BenchFailed(f"Temporal's metrics at {url} cannot be read: {problem!r}") from None
    counted: Counter[str] = Counter()
    for line in answer.text.splitlines():
        found = _LINE.match(line)
        if found is None:
            continue
        visibility, operation, value = found.groups()
        if visibility and not operation.startswith(("Count", "Get", "List")):
            counted[VISIBILITY] += int(float(value))
        elif operation in (UPDATE, CREATE, TASKS):
            counted[operation] += int(float(value))
    return counted


async def records(client: httpx.AsyncClient, url: str) -> Counter[str]:
    """Statements to our own database and transactions that changed it, since the start. None where there is no page."""
    counted: Counter[str] = Counter()
    if url:
        for kind, value in _RECORDS.findall((await client.get(url)).text):
            counted[kind] += int(float(value))
    return counted


async def quiet(client: httpx.AsyncClient, url: str) -> Counter[str]:
    """The counts once they stand still: the last burst's workflows are closed. Raises BenchFailed if they never do."""
    seen = await writes(client, url)
    for _ in range(_MOST_READINGS):
        await asyncio.sleep(_INTERVAL_SECONDS)
        before, seen = seen, await writes(client, url)
        if seen == before:
            return seen
    raise BenchFailed("Temporal goes on writing although nothing is published")
