"""The environment, read once at the start and frozen. Every setting is named here and explained in docs/settings.md."""

from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from zonehook import addresses, plans
from zonehook.errors import Invalid
from zonehook.sources import SourceTerms

_DRIVERS = {
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "sqlite": "sqlite",
}


class Settings(BaseSettings):
    """What can be set, by `ZONEHOOK_<NAME>` in the environment."""

    model_config = SettingsConfigDict(env_prefix="ZONEHOOK_", frozen=True, extra="ignore")

    home: Path = Path(".zonehook")
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8080
    temporal_port: Annotated[int, Field(ge=1, le=65535)] = 7233
    temporal_ui_port: Annotated[int, Field(ge=1, le=65535)] = 8233
    temporal_http_port: Annotated[int, Field(ge=0, le=65535)] = 0
    temporal_metrics_port: Annotated[int, Field(ge=0, le=65535)] = 0
    database_url: str = ""
    allowed_targets: Annotated[tuple[addresses.Network, ...] | None, NoDecode] = None
    time_scale: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    fast_lane: bool = False
    encryption_keys: Annotated[tuple[str, ...], NoDecode] = ()
    fair_use_endpoints: Annotated[int, Field(ge=1)] = plans.FAIR_USE
    fair_use_credits: Annotated[int, Field(ge=1)] = plans.FAIR_USE_CREDITS
    source_ranges: Annotated[tuple[addresses.Network, ...], NoDecode] = ()
    source_address: Annotated[tuple[addresses.Address, ...], NoDecode] = ()
    recovery_rate: Annotated[float, Field(gt=0, le=1000)] = 20.0
    rate_limit: Annotated[int, Field(ge=1)] = 60_000
    workflow_sandbox: bool = False
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "WARNING"
    metrics_port: Annotated[int, Field(ge=0, le=65535)] = 0
    embedded_worker: bool = True
    host_offline_seconds: Annotated[float, Field(ge=1, le=86_400)] = 600.0
    alert_window: Annotated[int, Field(ge=1, le=10_080)] = 60
    alert_sample: Annotated[int, Field(ge=1, le=10_080)] = 10
    alert_requests: Annotated[int, Field(ge=1)] = 100
    worker_processes: Annotated[int, Field(ge=1, le=256)] = 1

    @classmethod
    def read(cls) -> Self:
        """The settings of this process. Raises Invalid with a sentence that names the variable."""
        try:
            return cls()
        except ValidationError as problem:
            first = problem.errors()[0]
            variable = "ZONEHOOK_" + str(first["loc"][0]).upper()
            raise Invalid.field(variable, f"{variable}: {first['msg'].removeprefix('Value error, ')}") from None

    @field_validator("allowed_targets", "source_ranges", mode="before")
    @classmethod
    def _networks(cls, text: object) -> object:
        return addresses.parse_networks(text) if isinstance(text, str) else text

    @field_validator("encryption_keys", mode="before")
    @classmethod
    def _keys(cls, text: object) -> object:
        return tuple(filter(None, text.split(","))) if isinstance(text, str) else text

    @field_validator("source_address", mode="before")
    @classmethod
    def _sources(cls, text: object) -> object:
        return addresses.parse_sources(text) if isinstance(text, str) else text

    @field_validator("source_address")
    @classmethod
    def _within(cls, given: tuple[addresses.Address, ...], info: ValidationInfo) -> tuple[addresses.Address, ...]:
        ranges = info.data.get("source_ranges", ())
        for address in given if ranges else ():
            if not any(address in network for network in ranges):
                raise ValueError(f"{address} is in none of ZONEHOOK_SOURCE_RANGES, from which deliveries are to come")
        return given

    @field_validator("database_url")
    @classmethod
    def _driver(cls, url: str) -> str:
        if not url:
            return url
        scheme, separator, rest = url.partition("://")
        if not separator or scheme.partition("+")[0] not in _DRIVERS:
            raise ValueError("write a URL such as postgresql://user:password@host/name")
        url = f"{_DRIVERS[scheme.partition('+')[0]]}://{rest}"
        try:
            make_url(url)
        except (ArgumentError, ValueError):
            raise ValueError("write a URL such as postgresql://user:password@host:5432/name") from None
        return url

    @cached_property
    def database(self) -> str:
        """The database's URL for SQLAlchemy: SQLite under the home unless set."""
        return self.database_url or f"sqlite:///{self.home.absolute() / 'zonehook.db'}"

    @cached_property
    def targets(self) -> tuple[addresses.Network, ...]:
        """The networks deliveries may reach although they are not public; empty unless set."""
        return self.allowed_targets or ()

    @cached_property
    def source_terms(self) -> SourceTerms:
        """What holds for the sources of every account."""
        return SourceTerms(
            offline_after=self.host_offline_seconds,
            alert_window=self.alert_window,
            alert_sample=self.alert_sample,
            alert_requests=self.alert_requests,
        )
