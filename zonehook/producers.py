"""For services that publish events through Temporal: the event is a signal to its account's inbox."""

import json
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.common import RawValue, WorkflowIDConflictPolicy

from zonehook import ids, messages
from zonehook.inbox import INBOX_WORKFLOW, inbox_workflow_id


async def publish(
    client: Client,
    account_id: int,
    *,
    type: str,
    data: Mapping[str, Any] | str,
    id: str | None = None,
    subject: str | None = None,
    actor: Mapping[str, Any] | None = None,
    occurred_at: datetime | None = None,
    deliver_at: datetime | None = None,
) -> str:
    """Durable when it returns: Temporal holds the signal. Returns the id that the event will have, `evt_…`.

    `data` is what becomes JSON, or JSON text, whose bytes then stay as they are. `id` makes the event once-only: sent
    again with the same content, now or next month, it is the same event; without one an id is made up, so that no call
    is taken twice. `occurred_at` and `deliver_at` are aware of their time zones. `client` may use any data converter
    that encrypts nothing.

    Raises RPCError when Temporal did not take the signal: then call again, with the same `id`. What is wrong with the
    event itself shows in the inbox alone, as its query `refused` and in its details.
    """
    key = id or str(uuid.uuid4())
    fields: dict[str, Any] = {"type": type, "id": key, "subject": subject, "actor": actor}
    for name, at in (("occurred_at", occurred_at), ("deliver_at", deliver_at)):
        fields[name] = None if at is None else at.isoformat()
    members = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in fields.items() if value is not None]
    members.append(f'"data": {data if isinstance(data, str) else json.dumps(data)}')
    document = "{" + ", ".join(members) + "}"
    await client.start_workflow(
        INBOX_WORKFLOW,
        id=inbox_workflow_id(account_id),
        task_queue=messages.TASK_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        static_summary=f"signal publish here to publish an event of account {account_id}",
        start_signal=messages.PUBLISH,
        start_signal_args=[RawValue(Payload(metadata={"encoding": b"json/plain"}, data=document.encode()))],
    )
    return ids.derived("evt", account_id, key)
