"""Who wins a draw: a calculation that anybody can repeat with what is published. `docs/verify_draw.py` is another writing of it."""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from heapq import nsmallest
from uuid import UUID

from domain.draws.rules import Prize

SEED_BYTES = 32


def commitment_of(seed: bytes) -> bytes:
    """What is told of the seed when the draw opens: its SHA-256."""
    return sha256(seed).digest()


def digest_after(digest: bytes, entry_ids: Iterable[UUID]) -> bytes:
    """The digest of a list that goes on with these entries, in their order; that of an empty list is the commitment.

    Each entry makes it SHA-256(digest so far + the entry's 16 bytes): who has noted it once can prove what came before.
    """
    for entry_id in entry_ids:
        digest = sha256(digest + entry_id.bytes).digest()
    return digest


def winning_numbers(seed: bytes, digest: bytes, entry_ids: Sequence[UUID], pieces: int) -> list[int]:
    """The numbers of the entries that win, in the order of the prizes; all of them where there are no more than pieces.

    An entry's score is SHA-256(seed + digest of the whole list + the entry's 16 bytes); the lowest win. The first entry of
    the sequence is number 1.
    """
    head = seed + digest
    scores = ((sha256(head + entry_id.bytes).digest(), number) for number, entry_id in enumerate(entry_ids, 1))
    return [number for _, number in nsmallest(pieces, scores)]


def pieces_in_order(prizes: Sequence[Prize]) -> Iterator[int]:
    """The position, from 1, of the prize that each rank wins: all pieces of the first prize, then those of the second."""
    for position, prize in enumerate(prizes, 1):
        yield from [position] * prize.pieces
