"""A terminal beside the running Zonehook."""

import pytest

from tests.cli.shell import Shell
from tests.running import Account, House


@pytest.fixture
def shell(house: House, account: Account) -> Shell:
    """A terminal whose commands go to the shared Zonehook and the test's own account."""
    key = account.client.headers["Authorization"].removeprefix("Bearer ")
    return Shell({"ZONEHOOK_HOME": str(house.home), "ZONEHOOK_API_KEY": key})
