"""Where Zonehook itself compares what is secret, the time that takes tells nothing."""

import ast
import hmac
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.house.test_sizes import ROOMS, ROOT
from zonehook import signatures

SECRET = {"secret", "secrets", "signature", "signed", "expected", "offered", "digest", "api_key", "token", "password"}
# The place of a row, found in an index by the SHA-256 of 256 random bits: how near a miss was cannot be steered
BY_INDEX = {("zonehook/store/api_keys.py", "digest")}
NOW = datetime(2026, 7, 2, tzinfo=UTC)


def _comparisons() -> Iterator[tuple[str, str]]:
    """Every ==, != and `in` with an operand whose name says that it is secret: the file and the name."""
    paths = [path for room in ROOMS for path in [ROOT / room, *(ROOT / room).rglob("*.py")] if path.suffix == ".py"]
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Compare) and any(isinstance(each, ast.Eq | ast.NotEq) for each in node.ops):
                for operand in (node.left, *node.comparators):
                    if (name := _name(operand)) in SECRET:
                        yield str(path.relative_to(ROOT)), name


def _name(operand: ast.expr) -> str:
    if isinstance(operand, ast.Call):
        operand = operand.func
    return operand.attr if isinstance(operand, ast.Attribute) else getattr(operand, "id", "")


@pytest.mark.rows("NOV-39")
def test_nothing_secret_is_compared_with_equals() -> None:
    """No secret, signature or key is compared by == or != anywhere in the product."""
    assert set(_comparisons()) == BY_INDEX


@pytest.mark.rows("NOV-39")
@pytest.mark.parametrize("offered", ["v1,right", "v1,wrong", "", "v1,a v1,b"])
def test_signatures_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch, offered: str) -> None:
    """The receiver of `zonehook listen` compares every signature that is offered by `hmac.compare_digest`."""
    compared: list[tuple[bytes, bytes]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return other == b"v1,right"

    monkeypatch.setattr(hmac, "compare_digest", compare)
    received = {"webhook-id": "x", "webhook-timestamp": signatures.unix_seconds(NOW), "webhook-signature": offered}
    problem = signatures.verify("whsec_" + "A" * 32, received, b"{}", NOW)
    assert (problem is None) == (offered == "v1,right")
    assert [other.decode() for _, other in compared] == offered.split()
