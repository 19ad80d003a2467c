"""An answer as it goes out, and what metrics say of it."""

from typing import NamedTuple

Headers = tuple[tuple[bytes, bytes], ...]

NO_STORE: Headers = ((b"cache-control", b"no-store"),)


class Answer(NamedTuple):
    """An HTTP answer and what metrics say of it."""

    body: bytes
    outcome: str
    label: str = "none"  # the root field of the operation, "several", or "none"
    kind: str = "none"  # query, mutation, subscription or "none"
    status: int = 200
    older_status: int = 200  # for clients that know application/json only
    headers: Headers = NO_STORE
    digest: bytes = b""  # of the body, where caches may keep it
    is_executed: bool = True  # or the body has no `data`
    has_data: bool = True  # or nothing of what was asked for is in the body
