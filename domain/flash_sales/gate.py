"""The gate: what Redis keeps of a lane, and the scripts that change it. Everything in it can be rebuilt from the ledger."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from redis.asyncio import RedisCluster

from domain.flash_sales.rules import TicketState
from domain.foundation.ids import lane_of
from domain.foundation.redis import Gate, Script

_HERE = Path(__file__).parent
_claim = Script(_HERE / "claim.lua")
_give_back = Script(_HERE / "give_back.lua")
_open_gate = Script(_HERE / "open_gate.lua")
_drop = Script(_HERE / "drop.lua")
_move_free = Script(_HERE / "move_free.lua")
_take_again = Script(_HERE / "take_again.lua")

KEPT_AFTER_CLOSING_SECONDS = 7 * 86_400
MOST_DROPPED_PER_CALL = 1_000
AWAKE_MS = 2_000
"""How long a woken lane counts as looked after without a sign of life: the wait after a killed worker."""


class GateCold(Exception):
    """The gate's counters are missing: Redis came back empty or a rebuild is under way. Nothing was done; try again."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one lane; one hash tag, so they live on one node of a cluster."""

    gate: str
    shoppers: str
    requests: str
    tickets: str
    queue: str
    waiting: str
    seconds: str

    @property
    def all(self) -> tuple[str, ...]:
        """In the order of the scripts' KEYS."""
        return self.gate, self.shoppers, self.requests, self.tickets, self.queue, self.waiting, self.seconds


def keys(lane: int) -> Keys:
    """The keys of a lane: `{fs:<item number>:<bucket>}:...`."""
    tag = f"{{fs:{lane >> 8}:{lane & 0xFF}}}"
    return Keys(
        *(f"{tag}:{name}" for name in ("gate", "shoppers", "requests", "tickets", "queue", "waiting", "seconds"))
    )


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gate said to one claim; `figure` is the position, the units left or the units held."""

    kind: str
    figure: int
    ticket_id: UUID | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A ticket in the queue, as it was claimed."""

    message_id: str
    ticket_id: UUID
    shopper_id: UUID
    quantity: int
    claimed_at_ms: int
    request_id: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an undecided ticket stands; `position` counts itself."""

    state: TicketState
    position: int
    shopper_id: UUID
    quantity: int


@dataclass(frozen=True, slots=True)
class Figures:
    """A lane's counters at one moment."""

    epoch: int
    is_open: bool
    free: int
    waiting: int
    undrained: int
    in_stream: int


async def claim(
    gate: Gate, *, lane: int, epoch: int, now_ms: int, claims: Sequence[tuple[str, str, str, int]]
) -> list[Answer]:
    """Put claims (shopper hex, request id, ticket hex, quantity) to a lane in one call; an answer for each, in order."""
    arguments: list[Any] = [epoch, now_ms]
    for one in claims:
        arguments.extend(one)
    return [_answer(text) for text in await _claim(gate, keys(lane).all, arguments)]


async def known_requests(gate: Gate, *, lane: int, requests: Sequence[str]) -> list[bool]:
    """Whether the lane has given a ticket to each of these requests (`shopper hex/request id`)."""
    return [ticket is not None for ticket in await gate.hmget(keys(lane).requests, list(requests))]


def _answer(text: bytes) -> Answer:
    kind, figure, ticket = text.decode().split(":")
    return Answer(kind, int(figure), UUID(ticket) if ticket else None)


async def give_back(gate: Gate, *, lane: int, tickets: Mapping[UUID, int]) -> int:
    """Give back tickets with the units (0 or their quantity) that the ledger has free again; serves the waiting line.

    A ticket given back before changes nothing. Raises GateCold.
    """
    arguments = [part for ticket_id, units in tickets.items() for part in (ticket_id.hex, units)]
    given = await _give_back(gate, keys(lane).all[:6], arguments)
    if given < 0:
        raise GateCold
    return int(given)


async def take_again(gate: Gate, *, lane: int, ticket_id: UUID, shopper_id: UUID, quantity: int) -> bool:
    """Take units for an order paid too late; whether there were enough. A second call takes nothing more. Raises GateCold."""
    k = keys(lane)
    taken = await _take_again(gate, (k.gate, k.shoppers, k.tickets), (ticket_id.hex, shopper_id.hex, quantity))
    if taken < 0:
        raise GateCold
    return bool(taken)


async def queue(gate: Gate, *, lane: int, limit: int) -> list[Entry]:
    """The first tickets of the queue, oldest first."""
    messages: Any = await gate.xrange(keys(lane).queue, count=limit)
    return [_entry(message_id, fields[b"c"]) for message_id, fields in messages]


def _entry(message_id: bytes, text: bytes) -> Entry:
    ticket, shopper, quantity, claimed_at_ms, request_id = text.decode().split(":", 4)
    return Entry(message_id.decode(), UUID(ticket), UUID(shopper), int(quantity), int(claimed_at_ms), request_id)


async def drop_from_queue(gate: Gate, *, lane: int, message_ids: Sequence[str]) -> None:
    """These tickets are decided; those behind them move up. Dropping twice counts once."""
    k = keys(lane)
    for start in range(0, len(message_ids), MOST_DROPPED_PER_CALL):
        await _drop(gate, (k.gate, k.queue), message_ids[start : start + MOST_DROPPED_PER_CALL])


async def queue_lengths(gate: Gate, lanes: Sequence[int]) -> list[int]:
    """How many tickets stand in each lane's queue."""
    async with _pipeline(gate) as pipe:
        for lane in lanes:
            pipe.xlen(keys(lane).queue)
        return [int(length) for length in await pipe.execute()]


def _awake(lane: int) -> str:
    return f"{{fs:{lane >> 8}:{lane & 0xFF}}}:awake"


async def wake(gate: Gate, *, lane: int) -> bool:
    """Whether the lane was asleep; from now on it counts as looked after, for two seconds."""
    return bool(await gate.set(_awake(lane), 1, nx=True, px=AWAKE_MS))


async def stay_awake(gate: Gate, *, lane: int) -> None:
    """The one who looks after the lane is alive."""
    await gate.pexpire(_awake(lane), AWAKE_MS)


async def fall_asleep(gate: Gate, *, lane: int) -> None:
    """Nobody looks after the lane any more."""
    await gate.delete(_awake(lane))


async def standings(gate: Gate, ticket_ids: Sequence[UUID]) -> list[Standing | None]:
    """Where tickets stand in the gate, in one round; None for one that the gate does not know."""
    lanes = list(dict.fromkeys(lane_of(ticket_id) for ticket_id in ticket_ids))
    async with _pipeline(gate) as pipe:
        for lane in lanes:
            pipe.hmget(keys(lane).gate, "drained", "served", "open")
        for ticket_id in ticket_ids:
            pipe.hget(keys(lane_of(ticket_id)).tickets, ticket_id.hex)
        answers = await pipe.execute()
    passed = dict(zip(lanes, answers, strict=False))
    known = answers[len(lanes) :]
    return [_standing(text, passed[lane_of(id)]) for id, text in zip(ticket_ids, known, strict=True)]


def _standing(text: bytes | None, passed: list[bytes | None]) -> Standing | None:
    drained, served, is_open = passed
    if text is None or drained is None or served is None:
        return None
    place, shopper, quantity = text.decode().split(":")
    if place[0] == "q":
        state, position = TicketState.QUEUED, int(place[1:]) - int(drained)
    else:
        state = TicketState.WAITING if is_open == b"1" else TicketState.ENDED
        position = int(place[1:]) - int(served)
    return Standing(state, max(position, 0), UUID(shopper), int(quantity))


async def standing(gate: Gate, *, ticket_id: UUID) -> Standing | None:
    """Where a ticket stands in the gate; None when the gate does not know it."""
    return (await standings(gate, [ticket_id]))[0]


async def figures(gate: Gate, *, lane: int) -> Figures | None:
    """The lane's counters; None when the gate is cold."""
    k = keys(lane)
    async with _pipeline(gate) as pipe:
        pipe.hmget(k.gate, "epoch", "open", "free", "waited", "served", "queued", "drained")
        pipe.xlen(k.queue)
        values, in_stream = await pipe.execute()
    if values[0] is None:
        return None
    epoch, is_open, free, waited, served, queued, drained = (int(value) for value in values)
    return Figures(epoch, bool(is_open), free, waited - served, queued - drained, in_stream)


async def move_free(gate: Gate, *, source: int, target: int, units: int, epoch: int) -> bool:
    """Move free units from one bucket to another, and serve the waiting line there; whether the source had them.

    Two steps on two nodes: in between the units are nobody's to claim.
    """
    if not await _move_free(gate, (keys(source).gate,), (-units, epoch)):
        return False
    await _move_free(gate, (keys(target).gate,), (units, epoch))
    await give_back(gate, lane=target, tickets={})
    return True


async def close(gate: Gate, lanes: Iterable[int]) -> None:
    """Take no new claims. Tickets already queued keep their place; the keys go after a week."""
    for lane in lanes:
        k = keys(lane)
        async with _pipeline(gate) as pipe:
            pipe.hset(k.gate, "open", "0")
            for key in k.all:
                pipe.expire(key, KEPT_AFTER_CLOSING_SECONDS)
            await pipe.execute()


@dataclass(frozen=True, slots=True)
class Known:
    """A ticket that the ledger has decided. `is_live`: its units are reserved or paid."""

    ticket_id: UUID
    shopper_id: UUID
    request_id: str
    quantity: int
    is_live: bool


async def cool(gate: Gate, *, lane: int) -> None:
    """Make the gate cold: every script refuses until `fill` has opened it again. Queue and waiting line stay."""
    k = keys(lane)
    await gate.delete(k.gate)
    await gate.delete(k.shoppers, k.requests, k.tickets)


async def load_known(gate: Gate, *, lane: int, tickets: Sequence[Known]) -> None:
    """Tell a cold gate what the ledger knows."""
    k = keys(lane)
    async with _pipeline(gate) as pipe:
        for known in tickets:
            shopper = known.shopper_id.hex
            pipe.hset(k.requests, f"{shopper}/{known.request_id}", f"{known.quantity}:{known.ticket_id.hex}")
            if known.is_live:
                pipe.hincrby(k.shoppers, shopper, known.quantity)
                pipe.hset(k.tickets, known.ticket_id.hex, f"q0:{shopper}:{known.quantity}")
        await pipe.execute()


async def fill(
    gate: Gate, *, lane: int, epoch: int, is_open: bool, ledger_free: int, per_shopper: int, places: int
) -> int:
    """Open a cold gate; gives back its free units: the ledger's less what still stands in the queue."""
    arguments = (epoch, int(is_open), ledger_free, per_shopper, places)
    return int(await _open_gate(gate, keys(lane).all[:6], arguments))


async def seconds(gate: Gate, *, lane: int) -> dict[int, dict[str, int]]:
    """Claims answered in each second (Unix time), by the gate's answer."""
    counted: dict[int, dict[str, int]] = {}
    kept: dict[Any, Any] = await gate.hgetall(keys(lane).seconds)
    for name, count in kept.items():
        second, _, answer = name.decode().partition(":")
        counted.setdefault(int(second), {})[answer] = int(count)
    return counted


async def run_id(gate: Gate, *, lane: int) -> str:
    """Which run of which server holds the lane: it changes when Redis restarts or fails over."""
    if isinstance(gate, RedisCluster):
        node = gate.get_node_from_key(keys(lane).gate)
        info = await gate.info("server", target_nodes=node)
    else:
        info = await gate.info("server")
    return str(info["run_id"])


def _pipeline(gate: Gate) -> Any:
    if isinstance(gate, RedisCluster):
        return gate.pipeline()
    return gate.pipeline(transaction=False)
