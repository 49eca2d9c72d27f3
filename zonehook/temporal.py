"""The Temporal client: how it is connected, and its errors in our words."""

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from datetime import timedelta

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client, GrpcCompression
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
)
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import DataConverter
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError, RPCStatusCode

from zonehook import messages
from zonehook.errors import Invalid, Unavailable

RPC_TIMEOUT = timedelta(seconds=10)
_NOT_NOW = {RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.RESOURCE_EXHAUSTED,
            RPCStatusCode.CANCELLED, RPCStatusCode.INTERNAL, RPCStatusCode.UNKNOWN}  # fmt: skip
_log = logging.getLogger(__name__)


class _OneConverter(PydanticPayloadConverter):
    """The SDK makes a converter for every run of a workflow, and each would build its own validators of our messages:
    an eighth of the worker's CPU. This one is made once.
    """

    _only: "_OneConverter | None" = None

    def __new__(cls) -> "_OneConverter":
        if cls._only is None:
            cls._only = super().__new__(cls)
            PydanticPayloadConverter.__init__(cls._only)
        return cls._only

    def __init__(self) -> None:
        pass


DATA_CONVERTER = DataConverter(payload_converter_class=_OneConverter)


async def connect(address: str | None = None) -> Client:
    """A client for `address`, or for what TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_TLS… say.

    Raises Unavailable when no Temporal answers there.
    """
    config = ClientConfig.load_client_connect_config()
    if address is not None:
        config = {"target_host": address}
    target = config.setdefault("target_host", "localhost:7233")
    try:
        return await Client.connect(**config, data_converter=DATA_CONVERTER, grpc_compression=GrpcCompression.NONE)
    except RuntimeError as problem:  # what the client raises when it cannot connect at all
        raise Unavailable(
            "temporal_unavailable", f"no Temporal server answers at {target} (TEMPORAL_ADDRESS): {problem}"
        ) from problem


async def register_search_attributes(client: Client) -> None:
    """Makes sure that the namespace knows our search attributes; asking again changes nothing."""
    request = AddSearchAttributesRequest(namespace=client.namespace)
    for name in messages.SEARCH_ATTRIBUTES:
        request.search_attributes[name] = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
    try:
        with as_unavailable():
            await client.operator_service.add_search_attributes(request, timeout=RPC_TIMEOUT)
    except RPCError as problem:
        if problem.status is RPCStatusCode.NOT_FOUND:
            raise Invalid.field(
                "TEMPORAL_NAMESPACE", f"Temporal has no namespace {client.namespace}; set TEMPORAL_NAMESPACE"
            ) from None
        # Temporal Cloud, or a server that lets nobody do this: there somebody adds them by hand
        _log.warning("Temporal did not add the search attributes %s: %s", messages.SEARCH_ATTRIBUTES, problem.message)


async def open_operators_desk(client: Client) -> None:
    """Starts the workflow that takes operators' orders, unless it runs. Raises Unavailable."""
    with as_unavailable():
        await client.start_workflow(
            messages.OPERATOR_WORKFLOW,
            id=messages.OPERATOR_ID,
            task_queue=messages.TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            static_summary="signal replay here to have a finished delivery sent again",
            rpc_timeout=RPC_TIMEOUT,
        )


async def is_reachable(client: Client) -> bool:
    """Whether Temporal answers within two seconds."""
    try:
        async with asyncio.timeout(2):
            return await client.service_client.check_health()
    except (RPCError, TimeoutError):
        return False


def search_attributes(
    account_id: int, event_type: str | None = None, endpoint_id: str | None = None
) -> TypedSearchAttributes:
    """What an operator may filter by in the Temporal UI."""
    values = {
        messages.ACCOUNT: str(account_id),
        messages.EVENT_TYPE: event_type,
        messages.ENDPOINT: endpoint_id,
    }
    return TypedSearchAttributes(
        [
            SearchAttributePair(SearchAttributeKey.for_keyword(name), value)
            for name, value in values.items()
            if value is not None
        ]
    )


@contextlib.contextmanager
def as_unavailable() -> Iterator[None]:
    """Turns Temporal's being away into our Unavailable; other answers of its pass."""
    try:
        yield
    except RPCError as problem:
        if problem.status not in _NOT_NOW:
            raise
        raise Unavailable("temporal_unavailable", "Temporal cannot be reached just now") from problem
