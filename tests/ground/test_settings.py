"""The environment: read once, and every wrong variable named."""

import ipaddress
import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from zonehook.errors import Invalid
from zonehook.settings import Settings


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the machine's own settings."""
    for name in [name for name in os.environ if name.startswith("ZONEHOOK_")]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ZONEHOOK_PORT", "0"),
        ("ZONEHOOK_PORT", "65536"),
        ("ZONEHOOK_PORT", "http"),
        ("ZONEHOOK_PORT", ""),
        ("ZONEHOOK_TEMPORAL_PORT", "-1"),
        ("ZONEHOOK_TEMPORAL_UI_PORT", "8233.5"),
        ("ZONEHOOK_TEMPORAL_METRICS_PORT", "65536"),
        ("ZONEHOOK_DATABASE_URL", "mysql://user:hunter2@host/name"),
        ("ZONEHOOK_DATABASE_URL", "postgresql:/host/name"),
        ("ZONEHOOK_DATABASE_URL", "zonehook.db"),
        ("ZONEHOOK_ALLOWED_TARGETS", "10.0.0.1/8"),
        ("ZONEHOOK_ALLOWED_TARGETS", "localhost"),
        ("ZONEHOOK_ALLOWED_TARGETS", "127.0.0.0/8 ::1/128"),
        ("ZONEHOOK_SOURCE_RANGES", "192.0.2.1/28"),
        ("ZONEHOOK_SOURCE_ADDRESS", "192.0.2.0/28"),
        ("ZONEHOOK_SOURCE_ADDRESS", "localhost"),
        ("ZONEHOOK_SOURCE_ADDRESS", "192.0.2.1, 192.0.2.2"),
        ("ZONEHOOK_FAIR_USE_ENDPOINTS", "0"),
        ("ZONEHOOK_TIME_SCALE", "0"),
        ("ZONEHOOK_TIME_SCALE", "-1"),
        ("ZONEHOOK_TIME_SCALE", "nan"),
        ("ZONEHOOK_TIME_SCALE", "inf"),
        ("ZONEHOOK_TIME_SCALE", "fast"),
        ("ZONEHOOK_FAST_LANE", "maybe"),
        ("ZONEHOOK_RATE_LIMIT", "0"),
        ("ZONEHOOK_RATE_LIMIT", "many"),
        ("ZONEHOOK_WORKFLOW_SANDBOX", "2"),
        ("ZONEHOOK_HOST_OFFLINE_SECONDS", "0"),
        ("ZONEHOOK_HOST_OFFLINE_SECONDS", "nan"),
        ("ZONEHOOK_ALERT_WINDOW", "0"),
        ("ZONEHOOK_ALERT_SAMPLE", "-1"),
        ("ZONEHOOK_ALERT_REQUESTS", "some"),
    ],
)
def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """A value that cannot be used gives one sentence that begins with the variable and hides passwords."""
    monkeypatch.setenv(name, value)
    with pytest.raises(Invalid) as caught:
        Settings.read()
    assert caught.value.message.startswith(f"{name}: ")
    assert caught.value.details[0].field == name
    assert "\n" not in caught.value.message
    assert "hunter2" not in caught.value.message


def test_nothing_needs_to_be_set() -> None:
    """Without any variable the defaults of the documentation hold."""
    settings = Settings.read()
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert (settings.temporal_port, settings.temporal_ui_port) == (7233, 8233)
    assert settings.home == Path(".zonehook")
    assert (settings.time_scale, settings.fast_lane, settings.encryption_keys) == (1.0, False, ())


def test_the_database_is_sqlite_under_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Unless a URL is given, the database is a file in the home, named in full."""
    monkeypatch.setenv("ZONEHOOK_HOME", str(tmp_path))
    assert Settings.read().database == f"sqlite:///{tmp_path}/zonehook.db"
    monkeypatch.setenv("ZONEHOOK_DATABASE_URL", "")
    assert Settings.read().database == f"sqlite:///{tmp_path}/zonehook.db"
    monkeypatch.setenv("ZONEHOOK_HOME", "here")
    assert Settings.read().database == f"sqlite:///{Path.cwd()}/here/zonehook.db"


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("postgresql://user:p%40ss@db:5432/zonehook?sslmode=require",
         "postgresql+psycopg://user:p%40ss@db:5432/zonehook?sslmode=require"),
        ("postgres://db/zonehook", "postgresql+psycopg://db/zonehook"),
        ("postgresql+psycopg://db/zonehook", "postgresql+psycopg://db/zonehook"),
        ("postgresql+asyncpg://db/zonehook", "postgresql+psycopg://db/zonehook"),
        ("sqlite:////var/lib/zonehook.db", "sqlite:////var/lib/zonehook.db"),
    ],
)  # fmt: skip
def test_a_database_url_may_be_written_as_everywhere(monkeypatch: pytest.MonkeyPatch, given: str, used: str) -> None:
    """The URL that other tools take works here too; the driver is ours to choose."""
    monkeypatch.setenv("ZONEHOOK_DATABASE_URL", given)
    assert Settings.read().database == used


def test_networks_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset and empty are told apart: the embedded default opens loopback only when nothing was said."""
    assert Settings.read().allowed_targets is None
    assert Settings.read().targets == ()
    monkeypatch.setenv("ZONEHOOK_ALLOWED_TARGETS", "")
    assert Settings.read().allowed_targets == ()
    monkeypatch.setenv("ZONEHOOK_ALLOWED_TARGETS", "10.1.0.0/16, ::1/128")
    assert Settings.read().targets == (ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("::1/128"))


@pytest.mark.rows("NOV-48")
def test_a_source_outside_the_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the addresses to send from, each must lie in the ranges that are published; without ranges any will do."""
    monkeypatch.setenv("ZONEHOOK_SOURCE_ADDRESS", "192.0.2.3, 2001:db8::3")
    assert Settings.read().source_address == (
        ipaddress.ip_address("192.0.2.3"),
        ipaddress.ip_address("2001:db8::3"),
    )
    monkeypatch.setenv("ZONEHOOK_SOURCE_RANGES", "192.0.2.0/28, 2001:db8::/64")
    assert len(Settings.read().source_address) == 2
    monkeypatch.setenv("ZONEHOOK_SOURCE_RANGES", "192.0.2.0/28")
    with pytest.raises(Invalid, match=r"^ZONEHOOK_SOURCE_ADDRESS: 2001:db8::3 is in none of ZONEHOOK_SOURCE_RANGES"):
        Settings.read()


def test_several_keys_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first key encrypts and the others still decrypt, so their order is kept."""
    monkeypatch.setenv("ZONEHOOK_ENCRYPTION_KEYS", "new=,old=,")
    assert Settings.read().encryption_keys == ("new=", "old=")


def test_settings_do_not_change() -> None:
    """What was read at the start stands until the end."""
    settings = Settings.read()
    with pytest.raises(ValidationError):
        settings.port = 1
