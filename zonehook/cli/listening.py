"""A receiver on loopback for trying things out: checks every signature and shows every delivery."""

import contextlib
import fcntl
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.json import JSON
from rich.markup import escape

from zonehook import clock, signatures
from zonehook.cli.house import House
from zonehook.errors import Invalid, ZonehookError
from zonehook.settings import Settings

_console = Console()


@dataclass
class Manners:
    """How to answer: `refusals` times 503, then `status`; each after `delay` seconds."""

    refusals: int
    status: int
    delay: float


def registered_secret(zonehook: House, port: int, events: list[str]) -> str:
    """The signing secret of the endpoint for this port, registered if it is not yet.

    Kept in the home's `listen.json`, since Zonehook shows a secret once.
    """
    url = f"http://127.0.0.1:{port}/"
    with _kept(Settings.read().home / "listen.json") as known:
        entry = known.get(url)
        if entry is not None and _is_still_there(zonehook, entry["id"], events):
            return str(entry["signing_secret"])
        wanted = {"url": url, "events": events, "dialect": "standard", "description": "zonehook listen"}
        endpoint = zonehook.call("POST", "/v1/webhook-endpoints", wanted)
        known[url] = {"id": endpoint["id"], "signing_secret": endpoint["signing_secret"]}
    _console.print(f"Registered {url} as {endpoint['id']}.", highlight=False)
    return str(endpoint["signing_secret"])


@contextlib.contextmanager
def _kept(file: Path) -> Iterator[dict[str, Any]]:
    """What the file holds, to be changed; one receiver at a time."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.touch(mode=0o600)
    with file.open("r+") as text:
        fcntl.flock(text, fcntl.LOCK_EX)
        try:
            known = json.load(text)
        except ValueError:
            known = {}
        if not isinstance(known, dict):
            known = {}
        yield known
        text.seek(0)
        text.truncate()
        text.write(json.dumps(known, indent=2) + "\n")


@contextlib.contextmanager
def bound(port: int) -> Iterator[socket.socket]:
    """The port, held before anything is registered for it. Raises Invalid when it is taken."""
    with socket.socket() as place:
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            place.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as problem:
            reason = getattr(problem, "strerror", None) or problem
            raise Invalid.field(
                "--port", f"port {port} cannot be used ({reason}); choose another with --port"
            ) from None
        yield place


def serve(place: socket.socket, secret: str, manners: Manners) -> None:
    """Receives until Ctrl-C. Raises Invalid when the secret is none."""
    if problem := signatures.secret_problem(secret):
        raise Invalid.field("--secret", problem)
    port = place.getsockname()[1]
    server = _server(place, secret, manners)
    _console.print(f"Listening on http://127.0.0.1:{port}/ and checking signatures. Ctrl-C stops.", highlight=False)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        _console.print("\nStopped.")
    finally:
        server.server_close()


def _is_still_there(zonehook: House, endpoint_id: str, events: list[str]) -> bool:
    try:
        endpoint = zonehook.call("GET", f"/v1/webhook-endpoints/{endpoint_id}")
    except ZonehookError as problem:
        if problem.code != "not_found":
            raise
        return False
    told = [f"Registered before as {endpoint_id}."]
    if endpoint["events"] != events:
        zonehook.call("PATCH", f"/v1/webhook-endpoints/{endpoint_id}", {"events": events})
        told.append(f"From now on it gets {', '.join(events) or 'all events'}.")
    if endpoint["status"] == "suppressed":
        zonehook.call("POST", f"/v1/webhook-endpoints/{endpoint_id}/clear-suppression")
        told.append("It was suppressed, and is no more.")
    if endpoint["disabled_at"] is not None:
        told.append(f"It is disabled and gets nothing; use: zonehook endpoints enable {endpoint_id}")
    _console.print("\n".join(told), highlight=False, soft_wrap=True)
    return True


def _server(place: socket.socket, secret: str, manners: Manners) -> ThreadingHTTPServer:
    one_at_a_time = threading.Lock()
    seen: dict[str, int] = {}

    class Receiver(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            problem = signatures.verify(secret, headers, body, clock.now())
            time.sleep(manners.delay)
            with one_at_a_time:
                status = _answer(manners, problem)
                delivery = headers.get("webhook-id", "?")
                seen[delivery] = seen.get(delivery, 0) + 1
                _show(delivery, seen[delivery], problem, status, body)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Deliveries are shown by _show."""

    server = ThreadingHTTPServer(place.getsockname(), Receiver, bind_and_activate=False)
    server.socket.close()
    server.socket = place
    server.server_activate()
    return server


def _answer(manners: Manners, problem: str | None) -> int:
    if problem is not None:
        return 401
    if manners.refusals > 0:
        manners.refusals -= 1
        return 503
    return manners.status


def _show(delivery: str, times: int, problem: str | None, status: int, body: bytes) -> None:
    at = clock.now().astimezone().strftime("%H:%M:%S")
    verdict = "[green]signature verified[/]" if problem is None else f"[red]not genuine: {problem}[/]"
    colour = "green" if 200 <= status < 300 else "red"
    _console.rule(f"{at}  {escape(delivery)}", align="left")
    _console.print(
        f"attempt {times} seen here, {verdict}, answered [{colour}]{status}[/]", highlight=False, soft_wrap=True
    )
    try:
        _console.print(JSON(body.decode()), soft_wrap=True)
    except (ValueError, RecursionError):
        _console.print(repr(body[:1000]), markup=False)
