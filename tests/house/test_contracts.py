"""Who may import whom: the contracts of pyproject.toml hold, and would notice if they did not."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"
FLOORS = "the floors of zonehook: a module imports only from floors below"
ROOMS = "workflows, activities and api do not know each other"
GROUND = "workflows stand on the pure ground and temporalio alone"
ROOTS = "nobody imports a composition root"
WAY_OUT = "bytes leave through zonehook.net alone"
SENDER = "the sender is for activities and composition roots"
CONTRACTS = (FLOORS, ROOMS, GROUND, ROOTS, WAY_OUT, SENDER)

FORBIDDEN = [
    (FLOORS, "zonehook/schedules.py", "from zonehook.store import tables"),
    (FLOORS, "zonehook/settings.py", "from zonehook import ledger"),
    (FLOORS, "zonehook/registry.py", "from zonehook import intake"),
    (FLOORS, "zonehook/store/events.py", "from zonehook.net import sender"),
    (FLOORS, "zonehook/homeless.py", "from zonehook import errors"),  # a module that stands on no floor
    (ROOMS, "api/v1/events.py", "from workflows import event"),
    (ROOMS, "activities/opening.py", "import api.app"),
    (ROOMS, "workflows/calls.py", "from activities import delivering"),
    (GROUND, "workflows/delivery.py", "import httpx"),
    (GROUND, "workflows/event.py", "from sqlalchemy import select"),
    (GROUND, "workflows/calls.py", "from zonehook import clock"),
    (GROUND, "zonehook/messages.py", "import httpcore"),  # by way of the ground
    (ROOTS, "zonehook/cli/commands.py", "import standalone"),
    (ROOTS, "api/app.py", "import worker"),
    (WAY_OUT, "activities/delivering.py", "import httpcore"),
    (WAY_OUT, "zonehook/registry.py", "from httpcore import AsyncConnectionPool"),
    (SENDER, "api/app.py", "from zonehook.net import sender"),
    (SENDER, "zonehook/registry.py", "from zonehook.net.sender import Sender"),
]


def _verdicts(tree: Path) -> tuple[dict[str, str], str]:
    """KEPT or BROKEN for every contract, and all that was said."""
    program = [sys.executable, "-c", LINT_IMPORTS, "--no-cache"]
    done = subprocess.run(program, cwd=tree, capture_output=True, text=True, timeout=60, check=False)
    said = done.stdout + done.stderr
    lines = [line.rpartition(" ") for line in said.splitlines()]
    return {name: verdict for name, _, verdict in lines if verdict in ("KEPT", "BROKEN")}, said


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the product to write into."""
    unwanted = shutil.ignore_patterns("__pycache__")
    for name in ("zonehook", "workflows", "activities", "api"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=unwanted)
    for name in ("worker.py", "standalone.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_the_contracts_hold(tree: Path) -> None:
    """Every contract is checked, and none is broken."""
    verdicts, said = _verdicts(tree)
    assert verdicts == dict.fromkeys(CONTRACTS, "KEPT"), said


@pytest.mark.parametrize(
    ("contract", "file", "line"), FORBIDDEN, ids=[f"{file}: {line}" for _, file, line in FORBIDDEN]
)
def test_a_forbidden_import_is_noticed(tree: Path, contract: str, file: str, line: str) -> None:
    """One import in the wrong direction breaks the contract that forbids it."""
    with (tree / file).open("a") as source:
        source.write(f"\n{line}\n")
    verdicts, said = _verdicts(tree)
    assert verdicts.get(contract) == "BROKEN", said
    assert Path(file).stem in said.partition("Broken contracts")[2]
