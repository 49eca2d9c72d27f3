"""Holding a document against a schema: its problems by path, after a bounded number of steps.

The steps are counted, not timed: a regular expression or a comparison that runs in C keeps every thread of the
process waiting, and a thread cannot be stopped.
"""

from collections.abc import Iterator
from contextvars import ContextVar
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError
from referencing import Registry

from zonehook.errors import Detail
from zonehook.schemas import keywords, reading
from zonehook.schemas.sentences import place, sentence

MAX_STEPS = 100_000
MAX_PROBLEMS = 20


class Schema:
    """One that `problems_of` found nothing wrong with. May be used by several threads at once."""

    def __init__(self, text: str) -> None:
        schema = reading.parse(text)
        schema.pop("$schema", None)  # jsonschema would choose another class by it, one that counts nothing
        self._validator = _Counting(schema, registry=Registry())  # which fetches nothing

    def problems(self, document: str, called: str = "data") -> list[Detail]:
        """Where JSON text does not fit, by the path of the member (`data.host.name`), at most 20."""
        _meter.set(_Meter())
        try:
            found = islice(self._validator.iter_errors(reading.parse(document)), MAX_PROBLEMS)
            return [Detail(place((called, *error.absolute_path)), sentence(error)) for error in found]
        except reading.NotComparable as problem:
            return [Detail(called, f"{called} cannot be held against the schema of its type: it {problem}")]
        except _TooMuch:
            return [Detail(called, f"{called} is too much to hold against the schema of its type; make either simpler")]
        except RecursionError:
            told = f"{called} nests too deep for the schema of its type, or that refers to itself without end"
            return [Detail(called, told)]


class _TooMuch(Exception):
    """All steps are used up."""


class _Meter:
    """Counts down. One for each document; the schema's own are shared."""

    def __init__(self) -> None:
        self.left = MAX_STEPS

    def charge(self, steps: int) -> None:
        self.left -= steps
        if self.left < 0:
            raise _TooMuch


_meter: ContextVar[_Meter] = ContextVar("_meter")


def _counted(keyword: Any) -> Any:
    def counted(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        meter = _meter.get()
        meter.charge(1 + keywords.effort(keyword, value, instance))
        for error in keyword(validator, value, instance, schema) or ():
            if not isinstance(error.validator, str):
                # Made here, not passed on: its text repeats the whole instance, and anyOf may gather thousands
                meter.charge(keywords.size(instance))
                error.message = ""
            yield error

    return counted


_Counting = validators.extend(
    Draft202012Validator,
    {name: _counted(keyword) for name, keyword in {**Draft202012Validator.VALIDATORS, **keywords.OWN}.items()},
)
