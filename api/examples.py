"""What the examples of the API's description tell of: one account, with one of each thing, on one day in July."""

ACCOUNT = 1
ENDPOINT = "ep_01kwh7rkw01rkf6w5nc9bf5hyw"
EVENT = "evt_01kwhb6fg0p17g0avdqztd2p3x"
DELIVERY = "dlv_01kwhb6fg0q8rzc0faypb8dsxt"
ATTEMPT = "att_01kwhb6fg0yx2t2makrkdcy3n4"
RECOVERY = "rcv_01kwhc0000h7e1m2x3v4b5n6q7"
KEY = "key_01kwh4ar805hre2avt0s3fj8ks"
MEMBER = "mem_01kwh4ar80dzhe1xg73b1bq38b"
ENTRY = "aud_01kwh7rkw089txe7mgyzr9z7eb"
WEBHOOK = 7  # the endpoint's number in v2

TYPE = "domain.create"
URL = "https://hooks.example.com/zonehook"
INACTIVE = "the endpoint is disabled; enable it first"
PERSON = "ada@example.com"
OPENED, REGISTERED, ACCEPTED = "2026-07-02T10:00:00Z", "2026-07-02T11:00:00Z", "2026-07-02T12:00:00Z"
RECOVERED = "2026-07-02T14:00:00Z"
LATER = "2026-07-05T08:00:00Z"
DELIVERED = "2026-07-02T12:00:14Z"  # at the second attempt

API_KEY = "zhk_" + "Example" * 6 + "0"
SECRET = "whsec_YW4gZXhhbXBsZSBvZiAzMiBieXRlcywgbm90IG91cnM="  # noqa: S105 (it opens nothing)
