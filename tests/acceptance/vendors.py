"""What the receivers of each vendor check, from the vendors' documents and the stock library: no code of Zonehook's."""

import base64
import contextlib
import hashlib
import hmac

from standardwebhooks import Webhook, WebhookVerificationError

from tests.receiver import Received

DIALECTS = ("standard", "dnsimple", "dnsimple-legacy", "connect-domain", "novadns", "captaindns")
KEYS = {
    "standard": ["type", "timestamp", "data"],
    "dnsimple": ["name", "api_version", "request_identifier", "data", "account", "actor"],
    "dnsimple-legacy": ["action", "api_version", "request_identifier", "data", "actor"],
    "connect-domain": ["type", "jobId", "data", "sent_at"],
    "novadns": ["event", "host", "ipv4", "ipv6", "timestamp"],
    "captaindns": ["type", "timestamp", "data"],
}
# Beside the content's: what a receiver may find to check
_STANDARD = {"webhook-id", "webhook-timestamp", "webhook-signature"}
HEADERS = {
    "standard": _STANDARD,
    "dnsimple": {"webhook-id"},
    "dnsimple-legacy": {"webhook-id"},
    "connect-domain": _STANDARD | {"x-cd-timestamp", "x-cd-signature"},
    "novadns": _STANDARD | {"x-novadns-signature"},
    "captaindns": _STANDARD | {"x-captaindns-timestamp", "x-captaindns-signature"},
}


def headers_of(received: Received) -> set[str]:
    """The names of a request's headers that are Zonehook's or a vendor's own."""
    return {name for name in received.headers if name.startswith(("webhook-", "x-"))}


def is_genuine(dialect: str, secret: str, received: Received) -> bool:
    """Whether the vendor's own signature was made with this secret over these bytes."""
    headers = received.headers
    match dialect:
        case "connect-domain":
            return _is_prefixed(secret, headers["x-cd-timestamp"], headers["x-cd-signature"], received.body)
        case "captaindns":
            at, signature = headers["x-captaindns-timestamp"], headers["x-captaindns-signature"]
            return _is_prefixed(secret, at, signature, received.body)
        case "novadns":
            return headers["x-novadns-signature"] == _hex(secret, received.body)
    return is_standard(secret, received)


def is_standard(secret: str, received: Received) -> bool:
    """Whether a receiver with the stock library takes it; a secret of another form is given to it in base64."""
    is_prefixed = secret.startswith("whsec_")
    stock = Webhook(secret if is_prefixed else base64.b64encode(secret.encode()).decode())
    with contextlib.suppress(WebhookVerificationError):
        stock.verify(received.body, received.headers, json_parse=False)
        return True
    return False


def _is_prefixed(secret: str, at: str, signature: str, body: bytes) -> bool:
    return at.isdigit() and signature == "sha256=" + _hex(secret, f"{at}.".encode() + body)


def _hex(secret: str, message: bytes) -> str:
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
