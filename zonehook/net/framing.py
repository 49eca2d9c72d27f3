"""Whether an answer ends where its connection was read to. Pure.

What comes after it would be taken for the answer to the next request: a stray line end would spoil that one, a second
answer would confirm it in advance. Such a connection is not used again; nor is one where the framing is unusual.
"""


def ends_here(received: bytes) -> bool:
    """Whether the bytes are one whole HTTP/1.1 answer, interim answers before it, and nothing more."""
    while True:
        head, separator, received = received.partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        status = lines[0].split(b" ")[1:2]
        if not separator or not status:
            return False
        if not status[0].startswith(b"1"):
            break
    if status[0] in (b"204", b"304"):
        return received == b""
    lengths = [line.partition(b":")[2].strip() for line in lines if line.startswith(b"content-length:")]
    if any(line.startswith(b"transfer-encoding:") for line in lines):
        return not lengths and _is_chunked_whole(received)
    return lengths == [str(len(received)).encode()]


def _is_chunked_whole(body: bytes) -> bool:
    at = 0
    while True:
        end = body.find(b"\r\n", at)
        try:
            size = int(body[at:end].partition(b";")[0], 16)
        except ValueError:
            return False
        if end < 0 or size < 0:
            return False
        at = end + 2
        if size == 0:
            return body[at:] == b"\r\n"
        if body[at + size : at + size + 2] != b"\r\n":
            return False
        at += size + 2
