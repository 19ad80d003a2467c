"""Passwords of staff: argon2id by RFC 9106's second recommendation (64 MiB, 3 passes, 4 lanes), off the event loop."""

import asyncio
import base64
import os
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from argon2.profiles import RFC_9106_LOW_MEMORY

from domain.foundation.errors import RateLimited

T = TypeVar("T")

READ = 1_024
"""Characters of a password that are looked at: several times as many as one may have, however it is composed."""
_hasher = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
AT_A_TIME = 2
"""128 MiB: whoever tries passwords by the thousand takes neither memory nor the loop."""
WAITING = 8
"""How many may stand in line for that, in one process: about a second's work. The next is refused, and hashes nothing."""
COME_AGAIN_SECONDS = 2.0
_threads = ThreadPoolExecutor(AT_A_TIME, thread_name_prefix="argon2")
_places = BoundedSemaphore(AT_A_TIME + WAITING)


async def hashed(password: str) -> str:
    """The hash to keep, with its salt and parameters. Raises RateLimited while too many wait for one."""
    return await _in_line(lambda: _hasher.hash(_normal(password)))


async def is_right(password: str, kept: str | None) -> bool:
    """Whether the password has this hash. Without one the answer is no and takes as long. Raises RateLimited."""
    return await _in_line(lambda: _verify(kept or _decoy(), _normal(password)))


def is_outdated(kept: str) -> bool:
    """Whether the hash was made with other parameters than today's."""
    return _hasher.check_needs_rehash(kept)


async def _in_line(work: Callable[[], T]) -> T:
    if not _places.acquire(blocking=False):
        raise RateLimited(retry_after=COME_AGAIN_SECONDS)
    begun = _threads.submit(work)
    # given back when the work is over, or was called off before it began: not when somebody ceased to wait for it
    begun.add_done_callback(lambda _: _places.release())
    return await asyncio.wrap_future(begun)


def _verify(kept: str, password: str) -> bool:
    try:
        return _hasher.verify(kept, password)
    except VerifyMismatchError:
        return False


def _normal(password: str) -> str:
    # one keyboard composes é or ２ another way than the next; nobody's password is as long as what is cut off, and some
    # characters become eighteen, which would hold up the loop
    return unicodedata.normalize("NFKC", password[:READ])


def _decoy() -> str:
    """A hash of today's parameters that no password is known to have."""
    salt, digest = (
        base64.b64encode(os.urandom(length)).rstrip(b"=").decode() for length in (_hasher.salt_len, _hasher.hash_len)
    )
    cost = f"m={_hasher.memory_cost},t={_hasher.time_cost},p={_hasher.parallelism}"
    return f"$argon2id$v=19${cost}${salt}${digest}"
