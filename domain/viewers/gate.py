"""Who watches now, and how often was tapped: what stands in Redis, under one hash tag for each room."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import UUID

from domain.foundation.redis import Gate, Script
from domain.live_rooms.rules import LONGEST_LIVE
from domain.viewers.rules import PRESENT_SECONDS

_PRESENT_MS = PRESENT_SECONDS * 1000
_LIKES_MS = 2 * int(LONGEST_LIVE.total_seconds()) * 1000
AT_ONCE = 1_000
"""Viewers told of by one call: more would keep others waiting for the gate."""

_present = Script(Path(__file__).parent / "present.lua")
_count = Script(Path(__file__).parent / "count.lua")


async def tell(gate: Gate, room_id: UUID, present: Sequence[str], left: Mapping[str, int]) -> dict[str, int]:
    """Say who watches by this process, and who has left, with when they were told of last; when everybody was, by viewer.

    In milliseconds of the gate's own clock, so that the clocks of processes need not agree.
    """
    gone = [fact for viewer, told_ms in left.items() for fact in (viewer, told_ms)]
    told: dict[str, int] = {}
    for start in range(0, max(len(present), 1), AT_ONCE):
        some = present[start : start + AT_ONCE]
        now_ms = await _present(gate, [f"{_tag(room_id)}:present"], [_PRESENT_MS, len(gone) // 2, *gone, *some])
        told |= dict.fromkeys(some, int(now_ms))
        gone = []
    return told


async def add_taps(gate: Gate, room_id: UUID, taps: int) -> None:
    """Count likes. Not to be repeated: what was counted without an answer would count twice."""
    await gate.hincrby(f"{_tag(room_id)}:likes", "taps", taps)


async def count(gate: Gate, room_id: UUID, *, known_likes: int) -> tuple[int, int]:
    """How many watch now, and how many likes there are: never fewer than are known, whatever the gate has lost."""
    tag = _tag(room_id)
    viewers, likes = await _count(gate, [f"{tag}:present", f"{tag}:likes"], [_PRESENT_MS, known_likes, _LIKES_MS])
    return int(viewers), int(likes)


def _tag(room_id: UUID) -> str:
    return f"{{room:{room_id}}}"
