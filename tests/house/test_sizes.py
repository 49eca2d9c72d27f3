"""Nothing in the house is too long to read."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("zonehook", "workflows", "activities", "api", "worker.py", "standalone.py")
LINES_OF_A_FILE = 300
LINES_OF_A_FUNCTION = 40


def _sources() -> list[str]:
    """Every file of the product but the migrations: those are lists, and nobody reads them again."""
    found = [path for room in ROOMS for path in [ROOT / room, *(ROOT / room).rglob("*.py")] if path.suffix == ".py"]
    return sorted(str(path.relative_to(ROOT)) for path in found if path.parent.name != "versions")


@pytest.mark.parametrize("path", _sources())
def test_files_and_functions_are_short(path: str) -> None:
    """No file has more than 300 lines and no function more than 40."""
    text = (ROOT / path).read_text()
    assert len(text.splitlines()) <= LINES_OF_A_FILE
    functions = [each for each in ast.walk(ast.parse(text)) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
    lengths = {each.name: (each.end_lineno or each.lineno) - each.lineno + 1 for each in functions}
    assert {name: length for name, length in lengths.items() if length > LINES_OF_A_FUNCTION} == {}


def test_there_is_a_house_to_measure() -> None:
    """All rooms were found."""
    assert {path.partition("/")[0] for path in _sources()} == set(ROOMS)
