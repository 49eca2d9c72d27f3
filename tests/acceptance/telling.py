"""Telling facts about one thing, and what its account then has."""

import asyncio
from dataclasses import dataclass
from typing import Any

from temporalio.client import Client, WorkflowHandle

from tests.acceptance import signalling
from tests.running import Account, House
from zonehook import temporal

_PATIENCE = 60.0
CONNECTION = "5b0d9a63-7f0e-4c58-9c3c-2f6c1d1c7f10"


@dataclass
class Thing:
    """A connection, a key, a customer or a host, of an account of its own."""

    account: Account
    client: Client
    source: str
    id: str

    @property
    def workflow_id(self) -> str:
        return f"{self.source}/{self.account.id}/{self.id}"

    @property
    def workflow(self) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(self.workflow_id)

    async def tell(self, name: str, status: int = 202, **fact: Any) -> Any:
        """Over REST."""
        path = f"/v1/signals/{self.source}/{self.id}/{name}"
        return await self.account.call("POST", path, body=fact, status=status)

    async def signal(self, name: str, *arguments: Any) -> None:
        """As a producer with any of Temporal's SDKs does."""
        await self.client.start_workflow(
            "Source", id=self.workflow_id, task_queue="zonehook", start_signal=name, start_signal_args=arguments
        )

    async def told(self) -> Any:
        """How the source says that things stand, all facts judged."""
        async with asyncio.timeout(_PATIENCE):
            while True:
                found = await self.workflow.query("state")
                if not found["unjudged"]:
                    return found
                await asyncio.sleep(0.02)  # it says how things stand, not when that changes

    async def events(self) -> list[tuple[str, Any]]:
        """Type and data of all events that followed, once they are in the account: sorted, since those of one fact are
        published side by side.
        """
        count = (await self.told())["events"]
        listed = await listed_events(self.account, count)
        assert {each["subject"] for each in listed} <= {self.id}
        return sorted(((each["type"], each["data"]) for each in listed), key=lambda each: (each[0], str(each[1])))

    async def types(self) -> list[str]:
        return [type_ for type_, _ in await self.events()]

    async def failed_tasks(self) -> list[str]:
        return await signalling.failed_tasks(self.client, self.workflow_id)


async def listed_events(account: Account, count: int) -> list[Any]:
    """The account's events, once there are so many, and no more."""
    async with asyncio.timeout(_PATIENCE):
        while True:
            found: list[Any] = (await account.call("GET", "/v1/events?limit=200", status=200))["data"]
            if len(found) >= count:
                assert len(found) == count, [(each["type"], each["data"]) for each in found]
                return found
            await asyncio.sleep(0.02)  # the API tells how things stand, not when they change


async def thing(house: House, dialect: str, source: str, id_: str) -> Thing:
    """In a new account of this dialect."""
    client = await temporal.connect(house.credentials["temporal_address"])
    return Thing(await house.new_account(dialect), client, source, id_)
