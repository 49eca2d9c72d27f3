"""The schedules as receivers see them: every dialect side by side in one running Zonehook whose hours are seconds."""

import asyncio
import contextlib
import json
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests import samples
from tests.acceptance import vendors
from tests.conftest import FAST
from tests.receiver import Mailbox, Receiver, Reply
from tests.running import Account, House, running

_SCALE = 0.002  # the two hours become 14.4 seconds
_WINDOW = 7200 * _SCALE
_LAST_MOMENT = _WINDOW * (1 - 1 / 240)
_GENEROUS = 10.0  # what a busy machine may be late
_DISPATCH = 2.0  # how late a last attempt may start and be made still
_LONG = 5.0  # how long the first answer of a windowed dialect takes: no wait that is not cut short fits in any more
_CLOCKS = 0.01  # how far an attempt's length and the wall clock may differ
_CHOSEN_SECRET = "whsec_" + "A" * 43 + "="

DOUBLING = [14.0 * 2**n for n in range(9)]
WAITS = {
    "standard": DOUBLING,
    "dnsimple": DOUBLING,
    "dnsimple-legacy": DOUBLING,
    "connect-domain": [60.0, 120.0, 240.0, 480.0, 960.0],
    "novadns": [30.0, 60.0, 120.0],
    "captaindns": [10.0, 60.0, 600.0, 3600.0, 21600.0],
}
# What became of each attempt when the first is answered 202 that late
AFTER_SIX_SECONDS: dict[str, list[int | str]] = {
    "standard": [202],
    "dnsimple": [202, 200],
    "dnsimple-legacy": [202, 200],
    "connect-domain": ["timeout", 200],
    "novadns": [202],
    "captaindns": [202],
}


@dataclass
class Sending:
    """One event to one endpoint of an account of its own."""

    dialect: str
    account: Account
    mailbox: Mailbox
    secret: str | None
    event_id: str
    home: Path  # of the Zonehook that sends

    @classmethod
    async def begun(cls, house: House, mailbox: Mailbox, dialect: str) -> "Sending":
        account = await house.new_account(dialect)
        chosen = {"secret": _CHOSEN_SECRET} if dialect == "captaindns" else {}
        endpoint = await account.register(**samples.endpoint(dialect, mailbox.url) | chosen)
        event = await account.call("POST", "/v1/events", body=samples.event(dialect), status=202)
        return cls(dialect, account, mailbox, endpoint["signing_secret"], event["id"], house.home)

    async def attempted(self, times: int) -> Any:
        """The delivery once so many attempts were made."""
        async with asyncio.timeout(60):
            while True:
                for found in await self.account.deliveries(event_id=self.event_id):
                    if found["attempts"] == times:
                        return found
                await asyncio.sleep(0.02)  # the API tells how things stand, not when they change

    async def over(self) -> "Sent":
        """What became of it."""
        [delivery] = await self.account.settled(self.event_id)
        return Sent(self, delivery, await self.account.attempts(delivery["id"]))


@dataclass
class Sent:
    """A delivery that is over, as its account and its receiver know it."""

    sending: Sending
    delivery: Any
    attempts: list[Any]

    @property
    def is_windowed(self) -> bool:
        return WAITS[self.sending.dialect] is DOUBLING

    @property
    def starts(self) -> list[float]:
        """When each POST arrived, in seconds from the first."""
        received = self.sending.mailbox.received
        return [each.at - received[0].at for each in received]

    @property
    def ran_out(self) -> bool:
        """Whether attempts took so long, which the scale does not shorten, that the window was over before the last.
        By the records, which the window is counted in: on a busy machine a receiver sees the first attempt late.
        """
        if not self.is_windowed:
            return False
        with contextlib.closing(sqlite3.connect(self.sending.home / "zonehook.db")) as records:
            times = "SELECT first_attempt_at, completed_at FROM deliveries WHERE id = ?"
            first, over = map(datetime.fromisoformat, records.execute(times, [self.delivery["id"]]).fetchone())
        return (over - first).total_seconds() >= _LAST_MOMENT


@pytest.mark.rows("ALL-04", "ALL-10", "ALL-12", "CAP-03", "CD-29", "CD-31", "DN2-35", "DN2-36", "DN2-37")
@pytest.mark.rows("DN2-20", "DN2-21", "NOV-03", "NOV-06", "NOV-07", "NOV-08")
async def test_six_dialects_side_by_side(
    tmp_path_factory: pytest.TempPathFactory, trusting: dict[str, str], receiver: Receiver
) -> None:
    """Twelve accounts in one process, two of each dialect, all at once: each has its own schedule, limit and body."""
    settings = trusting | {"ZONEHOOK_TIME_SCALE": str(_SCALE)}
    async with running(tmp_path_factory.mktemp("quick"), settings) as house:
        refused, slow = await asyncio.gather(
            asyncio.gather(*(_refused(house, receiver.mailbox(), dialect) for dialect in WAITS)),
            asyncio.gather(*(_slow(house, receiver.mailbox(), dialect) for dialect in WAITS)),
        )

    for sent in refused:
        _check_attempts(sent)
        _check_waits(sent)
    for sent in slow:
        _check_rules(sent)


async def _refused(house: House, mailbox: Mailbox, dialect: str) -> Sent:
    mailbox.otherwise = Reply(503)
    if WAITS[dialect] is DOUBLING:
        mailbox.replies.append(_late(_LONG, 503))
    sending = await Sending.begun(house, mailbox, dialect)
    if dialect == "captaindns":
        await _cut_short(sending)
    return await sending.over()


async def _cut_short(sending: Sending) -> None:
    """Makes the last attempt by hand: six hours are most of a minute still."""
    waiting = await sending.attempted(5)
    due = datetime.fromisoformat(waiting["next_retry_at"]).timestamp()
    assert due - sending.mailbox.received[-1].at >= 21600 * _SCALE - 1  # the API shows whole seconds
    path = f"/v1/webhook-deliveries/{waiting['id']}/retry-now"
    await sending.account.call("POST", path, status=202)


async def _slow(house: House, mailbox: Mailbox, dialect: str) -> Sent:
    mailbox.replies.append(_late(6, 202))
    return await (await Sending.begun(house, mailbox, dialect)).over()


def _late(seconds: float, status: int) -> Reply:
    async def answer(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(seconds)  # being slow is what is tested
        writer.write(f"HTTP/1.1 {status} Whatever\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        await writer.drain()

    return Reply(raw=answer)


def _check_attempts(sent: Sent) -> None:
    """All that the dialect allows were made and recorded, and the delivery has failed."""
    made, allowed = len(sent.starts), len(WAITS[sent.sending.dialect]) + 1
    assert [each["number"] for each in sent.attempts] == list(range(1, made + 1))
    assert {each["status_code"] for each in sent.attempts} == {503}
    assert (sent.delivery["status"], sent.delivery["next_retry_at"]) == ("failed", None)
    assert sent.delivery["attempts"] == made
    if not (made < allowed and sent.ran_out):
        assert sent.delivery["reason"] == f"the last of {allowed} attempts got status 503"


def _check_waits(sent: Sent) -> None:
    """No wait is too short, but for one that was cut short by the window or by hand; none is much too long."""
    waits = [wait * _SCALE for wait in WAITS[sent.sending.dialect]]
    for (earlier, later), wait, attempt in zip(pairwise(sent.starts), waits, sent.attempts[1:], strict=False):
        is_cut = attempt["trigger"] == "manual" or (sent.is_windowed and later >= _LAST_MOMENT - 1)
        assert is_cut or later - earlier >= wait - _CLOCKS
        assert later - earlier <= wait * 1.1 + _GENEROUS
    if sent.is_windowed:
        _check_window(sent.attempts, _WINDOW)


def _check_window(attempts: list[Any], window: float) -> None:
    """By the records, no attempt starts later than the window and what the dispatch of the last may take."""
    first, *_, last = [datetime.fromisoformat(each["started_at"]).timestamp() for each in attempts]
    assert last - first <= window + _DISPATCH + 1  # the API shows whole seconds


def _check_rules(sent: Sent) -> None:
    """A 202 after six seconds is too late for one dialect, and no confirmation for two."""
    dialect, received = sent.sending.dialect, sent.sending.mailbox.received
    outcomes = [each["error"] or each["status_code"] for each in sent.attempts]
    assert (dialect, sent.delivery["status"], outcomes) == (dialect, "delivered", AFTER_SIX_SECONDS[dialect])
    assert len(received) == len(outcomes)
    assert list(json.loads(received[0].body)) == vendors.KEYS[dialect]
    assert vendors.headers_of(received[0]) == vendors.HEADERS[dialect]
    if sent.sending.secret is not None:
        assert vendors.is_genuine(dialect, sent.sending.secret, received[0])


async def test_retry_after_is_heeded_by_the_open_dialect(account: Account, receiver: Receiver) -> None:
    """With 429 or 503, as seconds or as a date: a standard endpoint is left alone for as long as its receiver asks."""
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=2)
    date = format_datetime(until, usegmt=True)
    boxes = {(status, asked): receiver.mailbox() for status in (429, 503) for asked in ("1", date)}
    for (status, asked), mailbox in boxes.items():
        mailbox.replies.append(Reply(status, headers=(("Retry-After", asked),)))
        await account.register(mailbox.url)

    await account.publish()
    times = {wanted: [each.at for each in await mailbox.wait_for(2)] for wanted, mailbox in boxes.items()}

    for status in (429, 503):
        first, second = times[status, "1"]
        assert second - first >= 1 - _CLOCKS
        assert times[status, date][1] >= until.timestamp() - _CLOCKS


async def test_retry_after_beyond_the_window(house: House, mailbox: Mailbox) -> None:
    """Asked for an hour when only seconds are left, a standard endpoint gets its last attempt at the window's end."""
    window = 7200 * float(FAST["ZONEHOOK_TIME_SCALE"])
    mailbox.otherwise = Reply(503, headers=(("Retry-After", "3600"),))
    mailbox.refuse(1)

    sending = await Sending.begun(house, mailbox, "standard")
    waiting = await sending.attempted(2)
    sent = await sending.over()

    due = datetime.fromisoformat(waiting["next_retry_at"]).timestamp() - mailbox.received[0].at
    assert window - 2 < due <= window  # the API shows whole seconds
    assert (sent.delivery["status"], sent.delivery["reason"]) == ("failed", "the last of 3 attempts got status 503")
    assert sent.starts[2] >= window * (1 - 1 / 240) - 1
    assert len(sent.attempts) == len(sent.starts) == 3
    _check_window(sent.attempts, window)


@pytest.mark.parametrize("dialect", ["dnsimple", "dnsimple-legacy", "connect-domain", "novadns", "captaindns"])
async def test_retry_after_is_nothing_to_the_vendors(house: House, mailbox: Mailbox, dialect: str) -> None:
    """A receiver of a vendor's dialect that asks for an hour gets its retries when the schedule has them."""
    _ask_for_an_hour(mailbox, 429, 503)

    sent = await (await Sending.begun(house, mailbox, dialect)).over()

    # Two such hours fit into no scaled window
    assert [each["status_code"] for each in sent.attempts] == [429, 503, 200]


async def test_retry_after_of_another_answer_is_not_heeded(house: House, mailbox: Mailbox) -> None:
    """With a 500 nobody asks for time: a standard endpoint's retries come when the schedule has them."""
    _ask_for_an_hour(mailbox, 500, 500)

    sent = await (await Sending.begun(house, mailbox, "standard")).over()

    assert [each["status_code"] for each in sent.attempts] == [500, 500, 200]


def _ask_for_an_hour(mailbox: Mailbox, *statuses: int) -> None:
    """Answers with these: first in seconds, then as a date."""
    date = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    for status, asked in zip(statuses, ("3600", date), strict=True):
        mailbox.replies.append(Reply(status, headers=(("Retry-After", asked),)))
