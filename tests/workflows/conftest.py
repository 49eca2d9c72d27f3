"""A Temporal server for workflows alone."""

from collections.abc import AsyncIterator

import pytest_asyncio
from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.testing import WorkflowEnvironment

from zonehook import devserver, messages, temporal


@pytest_asyncio.fixture(scope="module")
async def client() -> AsyncIterator[Client]:
    async with await WorkflowEnvironment.start_local(
        data_converter=temporal.DATA_CONVERTER,
        search_attributes=[SearchAttributeKey.for_keyword(name) for name in messages.SEARCH_ATTRIBUTES],
        dev_server_existing_path=devserver._binary(),
        dev_server_log_level="error",
    ) as environment:
        yield environment.client
