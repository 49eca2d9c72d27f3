"""The activities as workflows call them are the activities as they are."""

import inspect
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from temporalio import activity

from activities.awaiting import Awaiting
from activities.delivering import Delivering
from activities.intervening import Intervening
from activities.opening import Opening
from activities.publishing import Publishing
from activities.recovering import Recovering
from activities.rescheduling import Rescheduling
from activities.sourcing import Sourcing
from workflows import calls

ROOT = Path(__file__).parents[2]
TOOLS = (
    "httpx", "httpcore", "sqlalchemy", "fastapi", "starlette", "uvicorn", "cryptography", "idna",
    "activities", "api", "worker", "standalone",
    "zonehook.settings", "zonehook.clock", "zonehook.store", "zonehook.net", "zonehook.temporal",
)  # fmt: skip


def _activities(*owners: object) -> dict[str, Callable[..., Any]]:
    """Every activity that these modules or classes define, by the name that Temporal knows it by."""
    found: dict[str, Callable[..., Any]] = {}
    for owner in owners:
        for _, function in inspect.getmembers(owner, inspect.isfunction):
            definition = activity._Definition.from_callable(function)
            if definition is not None and definition.name is not None:
                found[definition.name] = function
    return found


STUBS = _activities(calls)
REAL = _activities(Awaiting, Delivering, Intervening, Opening, Publishing, Recovering, Rescheduling, Sourcing)


def _shape(function: Callable[..., Any]) -> tuple[list[tuple[str, Any, Any]], Any]:
    """Name, kind and type of every parameter but self, and what is returned."""
    types = get_type_hints(function)
    parameters = [each for each in inspect.signature(function).parameters.values() if each.name != "self"]
    return [(each.name, each.kind, types[each.name]) for each in parameters], types["return"]


def test_every_activity_has_its_stub() -> None:
    """What can be called is there, and what is there can be called."""
    assert STUBS.keys() == REAL.keys()
    assert len(STUBS) >= 3


@pytest.mark.parametrize("name", sorted(STUBS | REAL))
def test_a_stub_is_called_as_the_activity_is(name: str) -> None:
    """Names and types of the parameters and the type of the answer agree, and both are asynchronous."""
    assert _shape(STUBS[name]) == _shape(REAL[name])
    assert inspect.iscoroutinefunction(STUBS[name])
    assert inspect.iscoroutinefunction(REAL[name])


def test_every_class_of_activities_is_held_against_the_stubs() -> None:
    """No module of activities defines one that this page does not know."""
    defining = [path.stem for path in (ROOT / "activities").rglob("*.py") if "@activity.defn" in path.read_text()]
    assert sorted(defining) == [
        "awaiting", "delivering", "intervening", "opening", "publishing", "recovering", "rescheduling", "sourcing",
    ]  # fmt: skip


def test_importing_a_workflow_loads_no_tools() -> None:
    """A workflow that is loaded for replay brings no HTTP client, no database and no web framework along."""
    code = f"import sys, workflows.event, workflows.source; print([name for name in {TOOLS} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
