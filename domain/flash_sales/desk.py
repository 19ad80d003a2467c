"""Where claims are taken in an API process: those of one event-loop tick share one call of the gate's script.

Checks that need no I/O come first: the signed pass and its window. After a sold-out answer the script is spared for a
moment, and only those are let through to it who repeat a request that it has answered before.
"""

import asyncio
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from domain.flash_sales import gate as gates
from domain.flash_sales import passes, rules
from domain.foundation import metrics
from domain.foundation.errors import BadInput, IdempotencyConflict
from domain.foundation.idempotency import check_key
from domain.foundation.ids import new_ticket_id
from domain.foundation.redis import Gate
from domain.foundation.reporting import note_failure

MOST_CLAIMS_PER_CALL = 128
MOST_CALLS_IN_FLIGHT = 2
LONGEST_LINE = 20_000
"""Claims that may wait for the script in one process; beyond, shoppers are told to come back."""
RETRY_AFTER_MS = 500
MOST_LANES_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Claimed:
    """A ticket, not yet a promise: queued, or in the waiting line, with how many stand up to and including it."""

    ticket_id: UUID
    item_id: UUID
    state: rules.TicketState
    position: int
    quantity: int


@dataclass(slots=True)
class _Waiting:
    arguments: tuple[str, str, str, int]
    now_ms: int
    answer: "asyncio.Future[gates.Answer]"


class _Line:
    """Claims of one lane on their way to the gate."""

    __slots__ = ("epoch", "in_flight", "waiting")

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self.waiting: deque[_Waiting] = deque()
        self.in_flight = 0


class ClaimDesk:
    """Takes claims. One per process and event loop."""

    def __init__(self, gate: Gate, *, key: bytes, sold_out_seconds: float) -> None:
        self._gate = gate
        self._key = key
        self._sold_out_ms = int(sold_out_seconds * 1000)
        self._sold_out_until: dict[tuple[int, int], int] = {}
        self._lines: dict[tuple[int, int], _Line] = {}
        self._repeats: dict[int, list[tuple[str, asyncio.Future[bool]]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def claim(self, *, leave: str, shopper_id: UUID, quantity: int, request_id: str, now: datetime) -> Claimed:
        """A place in the queue or in the waiting line. The same request id again gives the same ticket.

        Raises FlashSalePassRefused, FlashSaleClosed, FlashSaleSoldOut, FlashSaleShort, FlashSaleLimitReached,
        FlashSaleBusy, IdempotencyConflict, or BadInput for a quantity below 1.
        """
        now_ms = int(now.timestamp() * 1000)
        read = passes.read(self._key, leave, shopper_id=shopper_id, now_ms=now_ms)
        check_key(request_id)
        if quantity < 1:
            raise BadInput(f"quantity is {quantity}; allowed: 1 to {read.per_shopper}")
        if quantity > read.per_shopper:
            raise rules.FlashSaleLimitReached(limit=read.per_shopper, held=0)
        lane = read.lane
        is_sold_out = self._sold_out_until.get((lane, read.epoch), 0) > now_ms
        if is_sold_out and not await self._was_claimed(lane, shopper_id, request_id):
            metrics.claims.labels("soldout_from_memory").inc()
            raise rules.FlashSaleSoldOut(retry_after_ms=self._sold_out_ms)
        ticket_id = new_ticket_id(lane)
        answer = await self._ask(lane, read.epoch, now_ms, (shopper_id.hex, request_id, ticket_id.hex, quantity))
        return self._claimed(answer, read, quantity, request_id, now_ms)

    async def _was_claimed(self, lane: int, shopper_id: UUID, request_id: str) -> bool:
        """Whether the gate knows this request: its answer may have been lost on the way, and who repeats it holds a unit.

        The only I/O of a sold-out answer: one HMGET for all of a tick, which costs Redis a tenth of the script.
        """
        asked = self._repeats.setdefault(lane, [])
        if not asked:
            asyncio.get_running_loop().call_soon(self._start, self._look_for_repeats(lane))
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        asked.append((f"{shopper_id.hex}/{request_id}", answer))
        return await answer

    async def _look_for_repeats(self, lane: int) -> None:
        asked = self._repeats.pop(lane)
        try:
            known = await gates.known_requests(self._gate, lane=lane, requests=[request for request, _ in asked])
        except Exception:
            known = [True] * len(asked)  # the script will not be reached either, and they are told to come again
        for (_, answer), is_known in zip(asked, known, strict=True):
            if not answer.done():
                answer.set_result(is_known)

    def _claimed(
        self, answer: gates.Answer, leave: passes.Pass, quantity: int, request_id: str, now_ms: int
    ) -> Claimed:
        match answer.kind:
            case "queued" | "waiting":
                assert answer.ticket_id is not None
                state = rules.TicketState(answer.kind)
                return Claimed(answer.ticket_id, leave.item_id, state, answer.figure, quantity)
            case "soldout":
                if len(self._sold_out_until) >= MOST_LANES_REMEMBERED:
                    self._sold_out_until.clear()
                self._sold_out_until[leave.lane, leave.epoch] = now_ms + self._sold_out_ms
                raise rules.FlashSaleSoldOut(retry_after_ms=self._sold_out_ms)
            case "short":
                raise rules.FlashSaleShort(wanted=quantity, left=answer.figure)
            case "limit":
                raise rules.FlashSaleLimitReached(limit=leave.per_shopper, held=answer.figure)
            case "conflict":
                raise IdempotencyConflict(key=request_id)
            case "stale":
                raise rules.FlashSalePassRefused(reason="of an earlier epoch")
            case "closed":
                raise rules.FlashSaleClosed(closed_at=datetime.fromtimestamp(now_ms / 1000, UTC))
            case _:  # cold
                raise rules.FlashSaleBusy(retry_after_ms=RETRY_AFTER_MS)

    async def _ask(self, lane: int, epoch: int, now_ms: int, arguments: tuple[str, str, str, int]) -> gates.Answer:
        line = self._lines.get((lane, epoch))
        if line is None:
            line = self._lines[lane, epoch] = _Line(epoch)
        if len(line.waiting) >= LONGEST_LINE:
            raise rules.FlashSaleBusy(retry_after_ms=RETRY_AFTER_MS)
        loop = asyncio.get_running_loop()
        waiting = _Waiting(arguments, now_ms, loop.create_future())
        if not line.waiting and line.in_flight < MOST_CALLS_IN_FLIGHT:
            # sent when this tick is over, with whatever else it brings
            loop.call_soon(self._send, lane, line)
        line.waiting.append(waiting)
        return await waiting.answer

    def _send(self, lane: int, line: _Line) -> None:
        # who has gone away or run out of time must not take a unit
        line.waiting = deque(one for one in line.waiting if not one.answer.done())
        while line.waiting and line.in_flight < MOST_CALLS_IN_FLIGHT:
            batch = [line.waiting.popleft() for _ in range(min(len(line.waiting), MOST_CLAIMS_PER_CALL))]
            line.in_flight += 1
            self._start(self._put(lane, line, batch))
        if not line.waiting and not line.in_flight:
            self._lines.pop((lane, line.epoch), None)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _put(self, lane: int, line: _Line, batch: list[_Waiting]) -> None:
        metrics.claim_batch.observe(len(batch))
        try:
            answers = await gates.claim(
                self._gate,
                lane=lane,
                epoch=line.epoch,
                now_ms=batch[-1].now_ms,
                claims=[one.arguments for one in batch],
            )
        except Exception as error:
            # whatever it was, nobody may be left standing in line
            # Whether the script ran is unknown: the shopper repeats with the same request id and learns it.
            note_failure("gate_unreachable", error, lane=lane, claims=len(batch))
            answers = [gates.Answer("cold", 0, None)] * len(batch)
        finally:
            line.in_flight -= 1
        for one, answer in zip(batch, answers, strict=True):
            metrics.claims.labels(answer.kind).inc()
            if not one.answer.done():
                one.answer.set_result(answer)
        self._send(lane, line)
