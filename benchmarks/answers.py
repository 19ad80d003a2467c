"""HTTP/1.1 answers out of the bytes of a connection. Never reads from one."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete HTTP/1.1 answer; `closes` when the server will take no further request on this connection."""

    status: int
    body: bytes
    closes: bool


def parse_answer(received: bytes) -> Answer | None:
    """The answer in these bytes, None while some are missing.

    Bodies are read by Content-Length or chunk by chunk; an answer with neither has no body. Raises ValueError for
    bytes that are not HTTP/1.1.
    """
    head_ends = received.find(b"\r\n\r\n")
    if head_ends < 0:
        return None
    if not received.startswith(b"HTTP/1.1 "):
        raise ValueError("not an HTTP/1.1 answer")
    head, status = received[:head_ends].lower(), int(received[9:12])
    closes = b"\r\nconnection: close" in head
    begins = head_ends + 4
    if (at := head.find(b"\r\ncontent-length:")) >= 0:
        ends = begins + int(head[at + 17 :].split(b"\r\n", 1)[0])
        return Answer(status, received[begins:ends], closes) if len(received) >= ends else None
    if b"\r\ntransfer-encoding: chunked" in head:
        body = _unchunk(received, begins)
        return None if body is None else Answer(status, body, closes)
    return Answer(status, b"", closes)


def _unchunk(received: bytes, at: int) -> bytes | None:
    chunks: list[bytes] = []
    while (line_ends := received.find(b"\r\n", at)) >= 0:
        size = int(received[at:line_ends].split(b";", 1)[0], 16)
        begins = line_ends + 2
        if size == 0:  # trailers, if any, then one empty line
            complete = received.startswith(b"\r\n", begins) or received.find(b"\r\n\r\n", begins) >= 0
            return b"".join(chunks) if complete else None
        chunks.append(received[begins : begins + size])
        at = begins + size + 2
    return None
