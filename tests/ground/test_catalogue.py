"""An event's data against its type in the catalogue: what is there is of the kind that receivers read."""

import json
from dataclasses import replace
from typing import Any

import pytest

from zonehook.dialects import catalogue
from zonehook.dialects.catalogue import EventType

_DNSIMPLE = catalogue.read("dnsimple")
_NESTED = EventType(
    name="zone.check",
    description="",
    required=("zone",),
    sample={},
    kinds={"zone": {"id": 1, "owner": {"id": 1, "share": 0.5, "tag": None}, "servers": [{"id": 1, "name": ""}]}},
)


def _domain(**members: Any) -> str:
    return json.dumps({"domain": {"id": 1} | members})


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"account_id": "1385"}, "send a whole number as data.domain.account_id, not a string"),
        ({"account_id": 1385.5}, "send a whole number as data.domain.account_id, not a number"),
        ({"account_id": 10**18}, "data.domain.account_id is longer than 18 digits: receivers read 64 bits"),
        ({"name": 7}, "send a string as data.domain.name, not a whole number"),
        ({"auto_renew": "true"}, "send true or false as data.domain.auto_renew, not a string"),
        ({"state": {"name": "hosted"}}, "send a string as data.domain.state, not an object"),
        # null in the sample of domain.create, and a number in other types'
        ({"registrant_id": "58421"}, "send a whole number as data.domain.registrant_id, not a string"),
    ],
)
def test_another_kind_of_value(members: dict[str, Any], expected: str) -> None:
    """A member that is another kind of value than in the sample is refused by its path, with what is expected there."""
    [problem] = catalogue.lacking(_domain(**members), _DNSIMPLE["domain.create"])
    path = f"data.domain.{next(iter(members))}"
    assert (problem.field, problem.message) == (path, expected)


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"account_id": None, "name": None, "auto_renew": None, "state": None},
        {"registrant_id": 7, "expires_at": "2027-06-02T12:00:00Z"},
        {"note": {"anything": [1, "a", None]}, "Account_id": "1385"},
        {"account_id": 10**17, "auto_renew": False},
    ],
)
def test_what_passes(members: dict[str, Any]) -> None:
    """Null is of any kind, what the sample does not have is nobody's business, and beside the id nothing is needed."""
    assert catalogue.lacking(_domain(**members), _DNSIMPLE["domain.create"]) == []


def test_where_no_sample_has_a_value_any_kind_passes() -> None:
    """What is null in every sample may be anything."""
    data = json.dumps({"contact": {"id": 1, "fax": {"number": 1}}})
    assert catalogue.lacking(data, _DNSIMPLE["contact.create"]) == []


def test_a_member_that_need_not_be_there() -> None:
    """An object that a type does not require is looked at where it is sent."""
    wrong = json.dumps({"platform_status": {"id": "311", "title": 5}})
    found = catalogue.lacking(wrong, _DNSIMPLE["platform_status.create"])
    assert [each.field for each in found] == ["data.platform_status.id", "data.platform_status.title"]
    assert catalogue.lacking("{}", _DNSIMPLE["platform_status.create"]) == []


@pytest.mark.parametrize(
    ("zone", "fields"),
    [
        ({"owner": {"id": 1, "share": 1}, "servers": []}, []),
        ({"owner": {"id": 1, "share": 0.25, "tag": "a"}, "servers": [None, {"id": 2}]}, []),
        ({"owner": {"id": 1, "share": "half"}}, ["data.zone.owner.share"]),
        ({"owner": {"share": 0.5}}, ["data.zone.owner.id"]),
        ({"owner": "me", "servers": {}}, ["data.zone.owner", "data.zone.servers"]),
        ({"servers": [{"id": 1}, {"id": 2, "name": 5}, {"id": "3"}]}, ["data.zone.servers.1.name"]),
    ],
)
def test_at_every_depth(zone: dict[str, Any], fields: list[str]) -> None:
    """Objects in objects are compared alike, and of a list's items the first that differs is named."""
    found = catalogue.lacking(json.dumps({"zone": {"id": 1} | zone}), _NESTED)
    assert [each.field for each in found] == fields


@pytest.mark.parametrize("vendor", ["dnsimple", "connect_domain", "novadns", "captaindns"])
def test_every_sample_fits_its_own_type(vendor: str) -> None:
    """A catalogue's sample of each type is one that the type takes."""
    for each in catalogue.read(vendor).values():
        assert catalogue.lacking(json.dumps(each.sample), each) == []


def test_of_what_is_missing_each_is_named() -> None:
    """A required member is named where it is missing or null, and null is no object's id."""
    wanted = replace(_NESTED, required=("zone", "account"), kinds=_NESTED.kinds | {"account": {"id": 1}})
    found = catalogue.lacking('{"zone":null,"account":{"id":null}}', wanted)
    assert [(each.field, each.message) for each in found] == [
        ("data.zone", "zone.check needs data.zone, an object"),
        ("data.account.id", "zone.check needs data.account.id, a whole number"),
    ]
