"""The README's six hops are the way an event really goes."""

import ast
import itertools
import re

from tests.running import ROOT

_HOP = re.compile(r"^\d\. `(?P<file>[\w/.]+)` `(?P<name>\w+)`", re.MULTILINE)


def test_the_readme_names_six_hops_that_lead_to_each_other() -> None:
    """Each hop of the README exists under its name, and its file leads to the next one's."""
    hops = [(found["file"], found["name"]) for found in _HOP.finditer((ROOT / "README.md").read_text())]

    assert len(hops) == 6
    for file, name in hops:
        assert name in _defined(file), f"{file} has no {name}"
    links = {
        ("publish", "accept"): "desks.intake.accept(",
        ("accept", "Event"): "messages.EVENT_WORKFLOW",
        ("Event", "Delivery"): "Delivery.run",
        ("Delivery", "deliver"): "calls.deliver",
        ("deliver", "post"): "self._sender.post(",
    }
    for (file, name), (_, following) in itertools.pairwise(hops):
        assert links[name, following] in (ROOT / file).read_text(), f"{file} does not lead to {following}"


def _defined(file: str) -> set[str]:
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(ast.parse((ROOT / file).read_text())) if isinstance(node, kinds)}
