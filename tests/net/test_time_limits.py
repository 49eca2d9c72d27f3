"""The time limit of an attempt is for all of it, and it is kept in real time."""

import asyncio
import contextlib
import ssl
from dataclasses import dataclass

import pytest
import trustme

from tests.net.answers import OK
from tests.net.conftest import LOOPBACK
from tests.net.listeners import Answer, Listener, certified, listening
from zonehook import dialects
from zonehook.addresses import Address
from zonehook.net import resolving
from zonehook.net.sender import Sender
from zonehook.verdicts import SendError

LIMITS = {
    "standard": 10, "dnsimple": 10, "dnsimple-legacy": 10, "connect-domain": 5, "novadns": 10, "captaindns": 10,
}  # fmt: skip
_EVERY_SECONDS = 0.5
_SLACK_SECONDS = 1.0  # how much later than the limit a busy machine may tell
_HEAD = OK + b"content-length: 1000\r\n\r\n"


@dataclass(frozen=True)
class Case:
    """What happens so many seconds after the attempt began, and whether it should have succeeded by then."""

    answer: Answer
    is_in_time: bool
    tls: ssl.SSLContext | None
    name: str = "127.0.0.1"


class Course:
    """Everything in the test goes by one clock, which starts when all attempts do."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._began = 0.0

    def begin(self) -> None:
        self._began = asyncio.get_running_loop().time()

    async def until(self, second: float) -> None:
        await asyncio.sleep(self._began + second - asyncio.get_running_loop().time())

    def cases(self, limit: int) -> dict[str, Case]:
        """Around one time limit."""
        near, past, half = limit - 0.5, limit + 0.5, f"slow-{limit / 2}.test"
        return {
            "an answer in time": Case(self._late(near), True, self._tls),
            "an answer too late": Case(self._late(past), False, self._tls),
            "a body that ends in time": Case(self._dripping(_HEAD, 1000, near), True, self._tls),
            "a body that ends too late": Case(self._dripping(_HEAD, 1000, past), False, self._tls),
            "a head that ends too late": Case(self._dripping(OK + b"x: ", 9999, past), False, self._tls),
            "a slow look-up and an answer in time": Case(self._late(near), True, self._tls, half),
            "a slow look-up and an answer too late": Case(self._late(past), False, self._tls, half),
            "a handshake that is never answered": Case(self._late(past), False, None),
        }

    async def resolve(self, host: str) -> list[Address]:
        """slow-5.0.test has an address when 5 s are over."""
        if host.startswith("slow-"):
            await self.until(float(host.removeprefix("slow-").removesuffix(".test")))
        return await resolving.addresses_of("127.0.0.1")

    def _late(self, second: float) -> Answer:
        async def answer(writer: asyncio.StreamWriter) -> None:
            await self.until(second)
            writer.write(OK + b"content-length: 0\r\n\r\n")

        return answer

    def _dripping(self, head: bytes, length: int, second: float) -> Answer:
        """A byte every half a second, and what is left of `length` at last."""

        async def answer(writer: asyncio.StreamWriter) -> None:
            writer.write(head)
            drops = round(second / _EVERY_SECONDS) - 1
            for drop in range(drops):
                await self.until((drop + 1) * _EVERY_SECONDS)
                writer.write(b".")
            await self.until(second)
            writer.write(b"." * (length - drops))

        return answer


@pytest.mark.rows("CD-27", "NOV-03", "NOV-04", "ALL-08")
async def test_the_limit_is_for_everything(authority: trustme.CA, trusted: None) -> None:
    """In every dialect an answer half a second before the limit confirms and one half a second after it does not, be it
    the look-up, the handshake, the head or a dripping body that took so long; and the attempt ends at its limit.
    """
    names = {f"slow-{limit / 2}.test" for limit in LIMITS.values()}
    course = Course(certified(authority, "127.0.0.1", *names))
    cases = {(dialect, why): case for dialect, limit in LIMITS.items() for why, case in course.cases(limit).items()}
    sender = Sender(LOOPBACK, resolve=course.resolve)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(sender.close)
        listeners = [
            await stack.enter_async_context(listening(each.answer, each.tls, hears=each.tls is not None))
            for each in cases.values()
        ]
        course.begin()
        answers = await asyncio.gather(
            *(
                sender.post(_url(case, listener), {}, b"{}", dialects.policy(dialect, 1).timeout)
                for ((dialect, _), case), listener in zip(cases.items(), listeners, strict=True)
            )
        )

    for (which, case), answer in zip(cases.items(), answers, strict=True):
        expected = (200, None) if case.is_in_time else (None, SendError.TIMEOUT)
        assert (answer.status_code, answer.error) == expected, which
        limit = LIMITS[which[0]]
        soonest, latest = (limit - 0.5, limit) if case.is_in_time else (limit, limit + _SLACK_SECONDS)
        assert soonest <= answer.duration_ms / 1000 + 0.1, which
        assert answer.duration_ms / 1000 <= latest, which


def _url(case: Case, listener: Listener) -> str:
    return listener.url(case.name)
