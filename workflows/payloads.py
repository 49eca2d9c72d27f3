"""What strangers send to a workflow: a payload is looked at before anything in it is believed."""

from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue

NOTHING = RawValue(Payload())  # the input of a workflow that was started without any


def encoding_problem(argument: RawValue) -> str | None:
    """Why a signal's argument is not read: it is not JSON as it stands. None when it is."""
    encoding = argument.payload.metadata.get("encoding", b"").decode(errors="replace")
    if encoding == "json/plain":
        return None
    return f"send a payload whose encoding is json/plain; that of this one is {encoding[:60] or 'not named'}"
