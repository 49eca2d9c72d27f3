"""JSON Schemas: which are taken, what a document is told, and that no two of them cost more than their steps."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from zonehook import schemas
from zonehook.schemas import Schema, fitting

_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from([0.5, 1.0, -0.0])
    | st.sampled_from(["", "a", "b"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=12,
)
_SCALARS: dict[str, Any] = {
    "type": st.sampled_from(["string", "integer", "number", "object", "array", "null", "boolean"]),
    "enum": st.lists(_JSON, min_size=1, max_size=3),
    "const": _JSON,
    "required": st.lists(st.sampled_from("abc"), unique=True, max_size=3),
    "dependentRequired": st.dictionaries(
        st.sampled_from("abc"), st.lists(st.sampled_from("abc"), unique=True, max_size=2), max_size=2
    ),
    "uniqueItems": st.booleans(),
    "minItems": st.integers(0, 3),
    "maxLength": st.integers(0, 2),
    "pattern": st.sampled_from(["a", "^b$", "", "[ab]"]),
    "multipleOf": st.sampled_from([1, 2, 0.5]),
    "minimum": st.integers(-2, 2),
}


def _schema_of(inner: Any) -> Any:
    keywords = _SCALARS | {
        "properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
        "additionalProperties": inner,
        "propertyNames": inner,
        "items": inner,
        "prefixItems": st.lists(inner, min_size=1, max_size=2),
        "contains": inner,
        "not": inner,
        "allOf": st.lists(inner, min_size=1, max_size=2),
        "anyOf": st.lists(inner, min_size=1, max_size=2),
        "oneOf": st.lists(inner, min_size=1, max_size=2),
        "if": inner,
        "then": inner,
    }
    return st.booleans() | st.fixed_dictionaries({}, optional=keywords)


_SCHEMAS: st.SearchStrategy[Any] = st.recursive(st.just({}), _schema_of, max_leaves=6).filter(
    lambda each: isinstance(each, dict)
)


def _problems(schema: Any, document: Any) -> dict[str, str]:
    text = json.dumps(schema)
    assert schemas.problems_of(text) == []
    written = document if isinstance(document, str) else json.dumps(document)
    return {each.field: each.message for each in Schema(text).problems(written)}


@given(_SCHEMAS, _JSON)
def test_what_fits_is_what_the_library_says(schema: Any, document: Any) -> None:
    """Our own keywords change how problems are told and never whether there are some."""
    assert schemas.problems_of(json.dumps(schema)) == []
    found = Schema(json.dumps(schema)).problems(json.dumps(document))
    assert (found == []) == Draft202012Validator(schema).is_valid(document)
    assert all(each.message and each.field.split(".")[0] == "data" for each in found)


@pytest.mark.parametrize(
    ("schema", "document", "expected"),
    [
        ({"required": ["a"]}, {}, {"data.a": "this is required"}),
        (
            {"properties": {"a": {"type": ["string", "null"]}}},
            {"a": 1},
            {"data.a": "send a string or null, not a whole number"},
        ),
        (
            {"properties": {"a": False}},
            {"a": 1},
            {"data.a": "the schema of this type has no place for it; leave it out"},
        ),
        ({"properties": {"a": {"items": {"minimum": 3}}}}, {"a": [3, 1]}, {"data.a.1": "send 3 or more"}),
        (
            {"properties": {"a": {"pattern": "^x"}}},
            {"a": "y"},
            {"data.a": "send a string in which the pattern ^x is found"},
        ),
        ({"properties": {"a": {"uniqueItems": True}}}, {"a": [1, True, 1.0]}, {"data.a": "send each item once"}),
        ({"properties": {"a": {"uniqueItems": True}}}, {"a": [1, True, "1", [1], {"a": 1}]}, {}),
        (
            {"dependentRequired": {"a": ["b"]}},
            {"a": 1},
            {"data.b": "this is required beside the others that were sent"},
        ),
        (
            {"$defs": {"n": {"type": "null"}}, "additionalProperties": {"$ref": "#/$defs/n"}},
            {"a": 1},
            {"data.a": "send null, not a whole number"},
        ),
        (
            {"properties": {"a/b": {"type": "null"}, "c": {"$ref": "#/properties/a~1b"}}},
            {"c": 1},
            {"data.c": "send null, not a whole number"},
        ),
        (
            {"properties": {"$ref": {"type": "null"}, "$id": {}}},
            {"$ref": 1},
            {"data.$ref": "send null, not a whole number"},
        ),
        (
            {"$schema": "https://json-schema.org/draft/2020-12/schema", "required": ["a"]},
            {},
            {"data.a": "this is required"},
        ),
        ({"properties": {"a": {"format": "ipv4"}}}, {"a": "no address"}, {}),
    ],
)
def test_what_a_person_is_told(schema: Any, document: Any, expected: dict[str, str]) -> None:
    """A problem is told by the member's path and what to send instead."""
    assert _problems(schema, document) == expected


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ('{"a": 1e999}', "it has a number that is too large"),
        ('{"a": ' + "1" * 301 + "}", "it has a number of more than 300 digits"),
        ('{"a":' * 400 + "{}" + "}" * 400, "data nests too deep"),
    ],
)
def test_documents_that_no_schema_can_judge(document: str, told: str) -> None:
    """What cannot be computed with is refused in words, whatever the schema says."""
    assert told in _problems({"properties": {"a": {"$ref": "#"}}, "multipleOf": 0.1}, document)["data"]


def test_half_a_character() -> None:
    """Names and texts that are no Unicode are told of in Unicode."""
    found = Schema('{"additionalProperties": {"enum": ["\\ud800"]}}').problems('{"\\udfff": "a"}')
    assert [(each.field, each.message) for each in found] == [("data.\\udfff", 'send one of "\\ud800"')]
    assert _problems({"properties": {"a": {"pattern": "b"}}}, '{"a": "\\ud800"}').keys() == {"data.a"}


def _doubling() -> dict[str, Any]:
    twice = {f"d{place}": {"allOf": [{"$ref": f"#/$defs/d{place + 1}"}] * 2} for place in range(60)}
    return {"$ref": "#/$defs/d0", "$defs": twice | {"d60": {"type": "object"}}}


_NODE = {"properties": {"a": {"$ref": "#/$defs/n"}}}
HOSTILE = {
    "2 to the 60 checks": (_doubling(), "{}"),
    "2 to the depth of the document": (
        {"$ref": "#/$defs/n", "$defs": {"n": {"allOf": [_NODE] * 2}}},
        '{"a":' * 60 + "{}" + "}" * 60,
    ),
    "itself": ({"$ref": "#"}, "{}"),
    "large errors": ({"anyOf": [{"type": "integer"}] * 400}, json.dumps({"a": "x" * 250_000})),
    "many items": (
        {"properties": {"a": {"allOf": [{"items": {"type": "integer"}}] * 200}}},
        json.dumps({"a": [1] * 40_000}),
    ),
    "many words": ({"properties": {"a": {"items": {"enum": list(range(2000))}}}}, json.dumps({"a": [1999] * 40_000})),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pairs_come_to_an_end(name: str) -> None:
    """A pair that would take for ever, or memory without end, is given up and the document is refused."""
    schema, document = HOSTILE[name]
    [(field, message)] = _problems(schema, document).items()
    assert field == "data"
    assert "the schema of its type" in message


@pytest.mark.parametrize(
    ("pattern", "text"), [("^(a+)+$", "a" * 4000 + "b"), ("(x+x+)+y", "x" * 4000), ("(a|aa)+$", "a" * 4000 + "!")]
)
def test_patterns_do_not_backtrack(pattern: str, text: str) -> None:
    """Patterns that take a backtracking engine for ever are matched; a longer text is not looked at."""
    schema = {"properties": {"a": {"pattern": pattern}}}
    assert _problems(schema, {"a": text})["data.a"].startswith("send a string in which the pattern")
    assert _problems(schema, {"a": text + text})["data.a"].startswith("send at most 4096 characters")


def test_an_ordinary_event_is_far_from_the_limit() -> None:
    """Three hundred objects of ten members each are held against their schema."""
    item = {f"m{place}": {"type": "integer", "minimum": 0, "maximum": 9} for place in range(10)}
    schema = {"properties": {"a": {"items": {"required": list(item), "properties": item}}}}
    assert _problems(schema, {"a": [dict.fromkeys(item, 5)] * 300}) == {}
    assert fitting.MAX_STEPS >= 100_000


@pytest.mark.parametrize(
    ("schema", "field"),
    [
        ({"type": "text"}, "schema.type"),
        ({"properties": [1]}, "schema.properties"),
        ({"allOf": {}}, "schema.allOf"),
        ({"$ref": 5}, "schema.$ref"),
        ({"$ref": "https://json-schema.org/draft/2020-12/schema"}, "schema.$ref"),
        ({"$ref": "other.json"}, "schema.$ref"),
        ({"const": {"$id": "x"}, "items": {"$ref": "#/const"}}, "schema.items.$ref"),
        ({"items": {"$dynamicRef": "#a"}}, "schema.items.$dynamicRef"),
        ({"not": {"$id": "https://example.com/"}}, "schema.not.$id"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "schema.$schema"),
        ({"if": {"$schema": "https://json-schema.org/draft/2020-12/schema"}}, "schema.if.$schema"),
        ({"unevaluatedProperties": False}, "schema.unevaluatedProperties"),
        ({"$defs": {"a": {"patternProperties": {"a": {}}}}}, "schema.$defs.a.patternProperties"),
        ({"properties": {"a": {"pattern": "(?=a)"}}}, "schema.properties.a.pattern"),
        ({"properties": {"a": {"pattern": "(\\w{1000}){1000}"}}}, "schema.properties.a.pattern"),
        ({"dependentSchemas": {"a": {"pattern": "["}}}, "schema.dependentSchemas.a.pattern"),
        ({"prefixItems": [{}, {"pattern": "["}]}, "schema.prefixItems.1.pattern"),
        ({"allOf": [{}] * 501}, "schema"),
        ({"description": "x" * 17_000}, "schema"),
    ],
)
def test_schemas_that_are_not_taken(schema: Any, field: str) -> None:
    """What is no schema, leads elsewhere or has no bound is refused, by its path."""
    assert schemas.problems_of(json.dumps(schema))[0].field == field


def test_schemas_that_cannot_be_read() -> None:
    """One that nests too deep, or has a number that nobody computes with, is refused."""
    deep = '{"not":' * 40 + "{}" + "}" * 40
    for text in (deep, '{"minimum": ' + "1" * 5000 + "}", '{"minimum": 1e999}', '{"pattern": "\\ud800"}'):
        assert schemas.problems_of(text)
