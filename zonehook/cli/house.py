"""Talking to a running Zonehook: where it is, with which key, and its refusals in one sentence."""

import os
from collections.abc import Mapping
from typing import Any

import httpx

from zonehook import home
from zonehook.errors import Invalid, Unavailable, ZonehookError
from zonehook.settings import Settings

_PATIENCE_SECONDS = 30.0


class House:
    """The REST API as the CLI uses it. Raises ZonehookError with the sentence to show."""

    def __init__(self, url: str, api_key: str) -> None:
        self.url = url
        if not api_key.isascii() or not api_key.isprintable():
            raise Invalid.field("ZONEHOOK_API_KEY", "ZONEHOOK_API_KEY is no API key: it has characters no key has")
        try:
            self._client = httpx.Client(
                base_url=url, headers={"Authorization": f"Bearer {api_key}"}, timeout=_PATIENCE_SECONDS, trust_env=False
            )
        except httpx.InvalidURL as problem:
            raise Invalid.field("ZONEHOOK_URL", f"{url} is no address of a Zonehook: {problem}") from None

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        params: Mapping[str, Any] | None = None,
        raw: bytes | None = None,
    ) -> Any:
        """The answer's JSON, None for an empty one."""
        given = {name: value for name, value in (params or {}).items() if value is not None}
        headers = {"Content-Type": "application/json"} if raw is not None else {}
        try:
            answer = self._client.request(method, path, json=body, params=given, content=raw, headers=headers)
        except (httpx.InvalidURL, UnicodeError) as problem:
            raise Invalid("invalid_request", f"this cannot be sent: {problem}") from None
        except httpx.TransportError as problem:
            raise Unavailable(
                "not_running", f"no Zonehook answers at {self.url} ({problem}); start it with: make run"
            ) from None
        try:
            content: Any = answer.json() if answer.content else None
            if answer.is_success:
                return content
            raise ZonehookError(content["error"]["code"], content["error"]["message"])
        except (ValueError, KeyError, TypeError):
            raise ZonehookError(
                "unexpected_answer",
                f"what answers at {self.url} (status {answer.status_code}) is no Zonehook; check ZONEHOOK_URL",
            ) from None


def of_settings() -> House:
    """The Zonehook that ZONEHOOK_URL and ZONEHOOK_API_KEY name, else the one of the home's credentials.json."""
    return _with_key("ZONEHOOK_API_KEY", "api_key")


def of_operator() -> House:
    """The same with the operator's key, which manages accounts alone: ZONEHOOK_OPERATOR_KEY, else the home's."""
    return _with_key("ZONEHOOK_OPERATOR_KEY", "operator_key")


def _with_key(variable: str, name: str) -> House:
    folder = Settings.read().home
    known = home.read_credentials(folder) or {}
    url = os.environ.get("ZONEHOOK_URL") or known.get("url")
    key = os.environ.get(variable) or known.get(name)
    if not url or not key:
        raise Invalid(
            "no_credentials",
            f"there is no {folder / home.CREDENTIALS}; start Zonehook with make run, go to the folder it runs in, "
            f"or set ZONEHOOK_URL and {variable}",
        )
    return House(url, key)
