"""Secrets at rest: sealed, opened by any of the keys, unreadable without."""

import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from hypothesis import given as example
from hypothesis import settings
from hypothesis import strategies as st
from sqlalchemy import select

from tests.store import given
from zonehook import clock, dialects
from zonehook.archive import Archive
from zonehook.errors import Invalid
from zonehook.fanout import Fanout
from zonehook.ledger import Ledger
from zonehook.registry import Registry
from zonehook.roles import Actor
from zonehook.store import cipher as ciphers
from zonehook.store.cipher import Cipher
from zonehook.store.database import Database
from zonehook.store.tables import metadata

OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))
SECRET = "whsec_" + "c2VjcmV0" * 4


@settings(deadline=None)
@example(st.text(), st.dictionaries(st.text(), st.text()))
def test_what_is_sealed_can_be_opened(text: str, texts: dict[str, str]) -> None:
    """Any text and any headers come out as they went in."""
    cipher = Cipher([OLD])
    assert cipher.open(cipher.seal(text)) == text
    assert cipher.open_map(cipher.seal_map(texts)) == texts


def test_what_is_sealed_cannot_be_read() -> None:
    """The sealed form has nothing of the text in it, and is another every time."""
    cipher = Cipher([OLD])
    sealed = cipher.seal(SECRET)
    assert SECRET.removeprefix("whsec_").encode() not in sealed
    assert sealed != cipher.seal(SECRET)


def test_a_wrong_key_gives_a_sentence() -> None:
    """Without the key that sealed it, the answer says which setting lacks it."""
    with pytest.raises(Invalid, match="a key that is not in ZONEHOOK_ENCRYPTION_KEYS") as caught:
        Cipher([NEW]).open(Cipher([OLD]).seal(SECRET))
    assert caught.value.code == "encryption_key_missing"


def test_keys_are_rotated_by_putting_a_new_one_first() -> None:
    """With the new key before the old one, old secrets still open and new ones need the new key alone."""
    both = Cipher([NEW, OLD])
    assert both.open(Cipher([OLD]).seal(SECRET)) == SECRET
    assert Cipher([NEW]).open(both.seal(SECRET)) == SECRET
    with pytest.raises(Invalid):
        Cipher([OLD]).open(both.seal(SECRET))


def test_a_key_that_was_known_is_not_forgotten() -> None:
    """A process that read the keys again, and finds its old one gone, still opens what it had read before that."""
    before = Cipher([OLD]).seal(SECRET)
    cipher = Cipher([OLD], lambda: [NEW])
    assert cipher.open(Cipher([NEW]).seal("another")) == "another"
    assert cipher.open(before) == SECRET
    assert Cipher([NEW]).open(cipher.seal(SECRET)) == SECRET


@pytest.mark.parametrize("keys", [[], [""], ["short"], [OLD[:-4]], [OLD, "x" * 44 + "="], ["ü" * 44]])
def test_a_key_that_is_none_is_refused(keys: list[str]) -> None:
    """A malformed key is refused at the start, naming the setting and not the key."""
    with pytest.raises(Invalid, match="ZONEHOOK_ENCRYPTION_KEYS") as caught:
        Cipher(keys)
    assert not any(key and key in caught.value.message for key in keys)


def test_the_first_start_makes_a_key(tmp_path: Path) -> None:
    """The home's key is made once, readable by its owner alone, and found again; more may be added below."""
    made = ciphers.keys_under(tmp_path)
    file = tmp_path / "encryption.keys"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert ciphers.keys_under(tmp_path) == made
    assert len(made) == 1
    file.write_text(f"{NEW}\n{made[0]}\n")
    assert ciphers.keys_under(tmp_path) == (NEW, *made)
    assert Cipher(ciphers.keys_under(tmp_path)).open(Cipher(made).seal(SECRET)) == SECRET


async def test_no_row_shows_a_secret(
    database: Database, registry: Registry, fanout: Fanout, ledger: Ledger, account_id: int
) -> None:
    """After registering, delivering and rotating, neither secret nor custom header stands in any table."""
    endpoint_id = await given.endpoint(registry, account_id, secret=SECRET, headers={"X-Token": "hunter2"})
    order = await given.order(fanout, account_id)
    await ledger.record(order, await ledger.duty(order), given.sent())
    rotated = await registry.rotate_secret(Actor(account_id), endpoint_id)
    tables = metadata.tables.values()
    rows = await database.read(lambda conn: [row for table in tables for row in conn.execute(select(table)).all()])
    written = repr([tuple(row) for row in rows])
    assert endpoint_id in written
    for secret in (SECRET, rotated, "hunter2", "X-Token"):
        assert secret.removeprefix("whsec_") not in written


async def test_a_shown_request_hides_what_is_secret(
    registry: Registry, fanout: Fanout, archive: Archive, account_id: int
) -> None:
    """People see what is sent, with the signature and the values of the endpoint's own headers blotted out."""
    await given.endpoint(registry, account_id, secret=SECRET, headers={"X-Token": "hunter2"})
    order = await given.order(fanout, account_id)
    request = await archive.request(account_id, order.delivery_id)
    assert (request.headers["X-Token"], request.headers["webhook-signature"]) == ("[redacted]", "[redacted]")
    assert request.headers["webhook-id"] == order.delivery_id
    assert request.body.startswith('{"type":"domain.create"')


async def test_a_rotated_secret_signs_beside_the_new_one_for_a_while(
    registry: Registry, fanout: Fanout, ledger: Ledger, account_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """During the overlap both secrets sign, the new one first; after it the new one alone."""
    endpoint_id = await given.endpoint(registry, account_id, secret=SECRET)
    order = await given.order(fanout, account_id)
    assert (await ledger.duty(order)).secrets == (SECRET,)
    rotated = await registry.rotate_secret(Actor(account_id), endpoint_id)
    assert (await ledger.duty(order)).secrets == (rotated, SECRET)
    over = clock.now() + dialects.named("standard").overlap
    monkeypatch.setattr(clock, "now", lambda: over)
    assert (await ledger.duty(order)).secrets == (rotated,)
