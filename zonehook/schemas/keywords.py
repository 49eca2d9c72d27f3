"""The keywords that the library does otherwise than we need: by backtracking, in quadratic time, or for all members in
one problem; and what each keyword's check costs.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema.exceptions import ValidationError

from zonehook.schemas import patterns

Problems = Iterator[ValidationError]
_CHARACTERS_A_STEP = 100


def size(value: Any) -> int:
    """The steps it takes to look at all of a value once."""
    if isinstance(value, dict):
        return 1 + sum(1 + len(name) // _CHARACTERS_A_STEP + size(each) for name, each in value.items())
    if isinstance(value, list):
        return 1 + sum(size(each) for each in value)
    return 1 + (len(value) // _CHARACTERS_A_STEP if isinstance(value, str) else 0)


def effort(keyword: Any, value: Any, instance: Any) -> int:
    """The steps of one check beside those of the checks that it leads to."""
    if keyword is unique_items:
        return size(instance)
    if keyword is pattern:
        return len(instance) if isinstance(instance, str) else 0
    if isinstance(value, list):
        return size(value)
    return len(instance) if isinstance(instance, dict | list) else 0


def pattern(_validator: Any, wanted: str, instance: Any, _schema: Any) -> Problems:
    if isinstance(instance, str) and (len(instance) > patterns.LONGEST_TEXT or not patterns.matches(wanted, instance)):
        yield ValidationError("")


def unique_items(_validator: Any, wanted: bool, instance: Any, _schema: Any) -> Problems:
    if wanted and isinstance(instance, list):
        texts = {json.dumps(_equal(each), sort_keys=True) for each in instance}
        if len(texts) < len(instance):
            yield ValidationError("")


def required(_validator: Any, names: list[str], instance: Any, _schema: Any) -> Problems:
    if isinstance(instance, dict):
        yield from (ValidationError("", path=(name,)) for name in names if name not in instance)


def dependent_required(_validator: Any, wanted: Mapping[str, list[str]], instance: Any, _schema: Any) -> Problems:
    if isinstance(instance, dict):
        for name, names in wanted.items():
            if name in instance:
                yield from required(_validator, names, instance, _schema)


def properties(validator: Any, wanted: Mapping[str, Any], instance: Any, _schema: Any) -> Problems:
    for name, schema in wanted.items() if isinstance(instance, dict) else ():
        if name in instance and schema is False:
            yield ValidationError("", path=(name,))
        elif name in instance:
            yield from validator.descend(instance[name], schema, path=name, schema_path=name)


def additional_properties(validator: Any, allowed: Any, instance: Any, schema: Any) -> Problems:
    if isinstance(instance, dict):
        known = schema.get("properties", {})
        for name in (each for each in instance if each not in known):
            if allowed is False:
                yield ValidationError("", path=(name,))
            else:
                yield from validator.descend(instance[name], allowed, path=name)


OWN = {
    "pattern": pattern,
    "uniqueItems": unique_items,
    "required": required,
    "dependentRequired": dependent_required,
    "properties": properties,
    "additionalProperties": additional_properties,
}


def _equal(value: Any) -> Any:
    """Two values get the same text exactly when JSON Schema takes them as equal: 1 and 1.0 are, true and 1 are not."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_equal(each) for each in value]
    if isinstance(value, dict):
        return {name: _equal(each) for name, each in value.items()}
    return value
