"""Whether a JSON Schema is one, and one that is safe to hold documents against.

Draft 2020-12 without what leads elsewhere (`$id`, other documents' `$ref`) and what has no bound (`unevaluated…`,
`patternProperties`).
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any
from urllib.parse import unquote

from jsonschema import Draft202012Validator

from zonehook import events
from zonehook.errors import Detail
from zonehook.schemas import reading
from zonehook.schemas.patterns import pattern_problem
from zonehook.schemas.sentences import legible, place

MAX_BYTES = 16 * 1024
MAX_DEPTH = 32
MAX_SUBSCHEMAS = 500
_MOST_PROBLEMS = 20
_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_ONE = ("additionalProperties", "propertyNames", "items", "contains", "not", "if", "then", "else")
_LIST = ("allOf", "anyOf", "oneOf", "prefixItems")
_MAP = ("properties", "dependentSchemas", "$defs", "definitions")
_REFUSED = {
    **dict.fromkeys(
        ("$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$recursiveAnchor", "$vocabulary"),
        "a schema stands for itself here; put its parts into $defs and refer to them as #/$defs/name",
    ),
    **dict.fromkeys(
        ("unevaluatedProperties", "unevaluatedItems"), "this is not taken; use additionalProperties, or items"
    ),
    "patternProperties": "this is not taken; use propertyNames with a pattern, and additionalProperties",
}


def problems_of(text: str) -> list[Detail]:
    """What is wrong with the text of a schema, by field (`schema.properties.host.type`); empty when it can be used."""
    if len(text.encode()) > MAX_BYTES:
        return [Detail("schema", f"a schema has at most {MAX_BYTES // 1024} KiB")]
    if events.is_too_deep(text, MAX_DEPTH):
        return [Detail("schema", f"a schema nests at most {MAX_DEPTH} levels")]
    try:
        schema = reading.parse(text)
    except reading.NotComparable as problem:
        return [Detail("schema", f"the schema {problem}")]
    found = dict(islice(_subschemas("", schema), MAX_SUBSCHEMAS + 1))
    if len(found) > MAX_SUBSCHEMAS:
        return [Detail("schema", f"a schema has at most {MAX_SUBSCHEMAS} parts that are schemas themselves")]
    return list(islice(_malformed(schema), _MOST_PROBLEMS)) or list(islice(_unsafe(found), _MOST_PROBLEMS))


def _malformed(schema: Any) -> Iterator[Detail]:
    """What the draft's own schema says. Before anything else relies on it."""
    for error in Draft202012Validator(Draft202012Validator.META_SCHEMA).iter_errors(schema):
        yield Detail(place(("schema", *error.absolute_path)), f"this is no JSON Schema: {legible(error.message)}")


def _unsafe(found: Mapping[str, Any]) -> Iterator[Detail]:
    for pointer, schema in found.items():
        if not isinstance(schema, dict):
            continue
        path = place(("schema", *(_unescaped(step) for step in pointer.split("/")[1:])))
        for name in schema.keys() & _REFUSED.keys():
            yield Detail(f"{path}.{name}", _REFUSED[name])
        if "$ref" in schema and not _leads_to_one(schema["$ref"], found):
            yield Detail(f"{path}.$ref", "refer to a part of this schema, such as #/$defs/name; no other is fetched")
        if "$schema" in schema and (pointer or schema["$schema"].rstrip("#") != _DRAFT):
            yield Detail(f"{path}.$schema", f"leave this out, or write {_DRAFT} at the top alone")
        if "pattern" in schema and (problem := pattern_problem(schema["pattern"])):
            yield Detail(f"{path}.pattern", problem)


def _leads_to_one(reference: str, found: Mapping[str, Any]) -> bool:
    return reference.startswith("#") and unquote(reference[1:]) in found


def _subschemas(pointer: str, schema: Any) -> Iterator[tuple[str, Any]]:
    """Each by its JSON Pointer; only what stands where a schema must, so that a $ref leads to nothing unchecked."""
    yield pointer, schema
    if not isinstance(schema, dict):
        return
    parts = {name: schema[name] for name in _ONE if name in schema}
    for names, kind in ((_LIST, list), (_MAP, dict)):
        for name in names:
            if isinstance(schema.get(name), kind):
                each = schema[name]
                parts |= {f"{name}/{_escaped(str(key))}": part for key, part in _entries(each)}
    for step, part in parts.items():
        yield from _subschemas(f"{pointer}/{step}", part)


def _entries(parts: Any) -> Iterator[tuple[Any, Any]]:
    return iter(parts.items() if isinstance(parts, dict) else enumerate(parts))


def _escaped(step: str) -> str:
    return step.replace("~", "~0").replace("/", "~1")


def _unescaped(step: str) -> str:
    return step.replace("~1", "/").replace("~0", "~")
