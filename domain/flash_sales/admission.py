"""The line (排队) before a sale that lets in so many shoppers a second: numbers in order of arrival, and whose turn it is.

A shopper's number is theirs: it stands in the gate, and signed in their own hands. Should the gate lose it, they come back
with the signed one, and new numbers begin above the highest that this process has seen. Time is the gate's own: whose
turn it is does not depend on the clock of the process that was asked.
"""

import base64
import binascii
import hmac
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from domain.flash_sales.rules import FlashSaleBusy, FlashSalePlaceRefused, Sale
from domain.foundation import clock, metrics
from domain.foundation.redis import Gate, Script
from domain.foundation.reporting import note_failure
from domain.foundation.together import Together

_script = Script(Path(__file__).parent / "admission.lua")

MOST_SHOPPERS_PER_CALL = 256
MOST_LINES_REMEMBERED = 1_000
COUNTED_FOR_US = 10_000_000
"""How long after it was last asked for a line counts among those that shoppers wait in."""
RETRY_AFTER_MS = 500
KEPT_AFTER_CLOSING = timedelta(hours=1)
PLACE_KEPT_MS = 15 * 60_000
"""How long after its turn a signed place is taken back."""
NEAR_MS = 2_000
LONGEST_PAUSE_MS = 60_000

# shopper, sale, number, refused from (Unix time in ms)
_LAYOUT = struct.Struct(">16s16sQQ")
_MAC_BYTES = 16
_TEXT_LENGTH = -(-(_LAYOUT.size + _MAC_BYTES) * 4 // 3)


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the line; `position` counts itself and only falls. `admitted_at` is when its turn comes, at the earliest."""

    token: str
    position: int
    poll_after_ms: int
    admitted_at: datetime


class _Line(NamedTuple):
    """What a process has seen of a line: the highest number, and how many came in during the latest second."""

    last: int = -1
    second: int = -1
    admitted: int = 0


class _Waiting(NamedTuple):
    """How many stood in a line, and when that was heard by `clock.steady_us`."""

    shoppers: int
    heard_us: int


class _Asker(NamedTuple):
    shopper_id: UUID
    number: int
    sale: Sale


class _Answer(NamedTuple):
    """Of the gate: the asker's number, whether they are in, and its own time since the first door opened."""

    number: int
    is_in: bool
    elapsed_ms: int


class AdmissionDesk:
    """Lets shoppers in to sales. One per process and event loop; those who ask in one tick share a call of the script."""

    def __init__(self, gate: Gate, *, key: bytes) -> None:
        self._gate, self._key = gate, key
        self._lines: dict[UUID, _Line] = {}
        self._waiting: dict[UUID, _Waiting] = {}
        metrics.shoppers_waiting.set_function(self._shoppers_waiting)
        self._asked: Together[UUID, _Asker, _Answer] = Together(self._send, at_most=MOST_SHOPPERS_PER_CALL, in_flight=1)

    async def ask(self, sale: Sale, *, shopper_id: UUID, place: str | None, now: datetime) -> Place | None:
        """The shopper's place in the line of an open sale; None once they are in, and again whenever they ask after that.

        Raises FlashSalePlaceRefused for a place that is not theirs, FlashSaleBusy when the gate does not answer.
        """
        rate = sale.admissions_per_second
        if rate is None:
            return None
        number = -1
        if place is not None:
            number = read(self._key, place, sale_id=sale.id, shopper_id=shopper_id, now_ms=_ms(now))
        try:
            number, is_in, elapsed_ms = await self._asked.ask(sale.id, _Asker(shopper_id, number, sale))
        except Exception as error:
            note_failure("gate_unreachable", error, sale=str(sale.id))
            raise FlashSaleBusy(retry_after_ms=RETRY_AFTER_MS) from error
        metrics.admissions.labels("admitted" if is_in else "waiting").inc()
        if is_in:
            return None
        turn_ms = -(-max(number + 1 - burst(rate), 0) * 1000 // rate)
        if turn_ms <= elapsed_ms:  # as many as may be have come in during this second
            turn_ms = (elapsed_ms // 1000 + 1) * 1000
        admitted_ms = _ms(sale.begins_at) + turn_ms
        return Place(
            token=sign(self._key, sale.id, shopper_id, number=number, until_ms=admitted_ms + PLACE_KEPT_MS),
            position=max(number + 1 - burst(rate) - elapsed_ms * rate // 1000, 1),
            poll_after_ms=_poll_after_ms(turn_ms - elapsed_ms, shopper_id),
            admitted_at=datetime.fromtimestamp(admitted_ms / 1000, UTC),
        )

    async def _send(self, sale_id: UUID, askers: list[_Asker]) -> list[_Answer]:
        sale = askers[-1].sale
        rate = sale.admissions_per_second
        assert rate is not None
        tag = f"{{fsq:{sale_id.hex}}}"
        arguments: list[Any] = [
            rate,
            burst(rate),
            _ms(sale.begins_at),
            _ms(sale.closes_at + KEPT_AFTER_CLOSING) - _ms(sale.begins_at),
        ]
        arguments += self._lines.get(sale_id, _Line())
        for one in askers:
            arguments += (one.shopper_id.hex, one.number)
        keys = (f"{tag}:line", f"{tag}:places")
        elapsed_ms, last, second, admitted, *answers = await _script(self._gate, keys, arguments)
        if len(self._lines) >= MOST_LINES_REMEMBERED:
            self._lines.clear()
            self._waiting.clear()
        self._lines[sale_id] = _Line(last, second, admitted)
        shoppers = max(last + 1 - burst(rate) - elapsed_ms * rate // 1000, 0)
        self._waiting[sale_id] = _Waiting(shoppers, clock.steady_us())
        return [
            _Answer(number, bool(is_in), elapsed_ms) for number, is_in in zip(answers[::2], answers[1::2], strict=True)
        ]

    def _shoppers_waiting(self) -> int:
        since_us = clock.steady_us() - COUNTED_FOR_US
        return sum(line.shoppers for line in self._waiting.values() if line.heard_us > since_us)


def burst(rate: int) -> int:
    """How many may come in at one moment: those of a tenth of a second, so that few are sent away for some milliseconds."""
    return max(rate // 10, 1)


def sign(key: bytes, sale_id: UUID, shopper_id: UUID, *, number: int, until_ms: int) -> str:
    """The place as text: 86 characters safe in a URL."""
    body = _LAYOUT.pack(shopper_id.bytes, sale_id.bytes, number, until_ms)
    return base64.urlsafe_b64encode(body + _mac(key, body)).rstrip(b"=").decode()


def read(key: bytes, text: str, *, sale_id: UUID, shopper_id: UUID, now_ms: int) -> int:
    """The number inside. Raises FlashSalePlaceRefused: malformed, forged, another shopper's, of another sale, expired."""
    if len(text) != _TEXT_LENGTH:
        raise FlashSalePlaceRefused(reason="malformed")
    try:
        signed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise FlashSalePlaceRefused(reason="malformed") from None
    body, mac = signed[: _LAYOUT.size], signed[_LAYOUT.size :]
    if not hmac.compare_digest(mac, _mac(key, body)):
        raise FlashSalePlaceRefused(reason="forged")
    shopper, sale, number, until_ms = _LAYOUT.unpack(body)
    if UUID(bytes=shopper) != shopper_id:
        raise FlashSalePlaceRefused(reason="another shopper's")
    if UUID(bytes=sale) != sale_id:
        raise FlashSalePlaceRefused(reason="of another sale")
    if now_ms >= until_ms:
        raise FlashSalePlaceRefused(reason="expired")
    return int(number)


def _mac(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, b"flash-sale-place:" + body, "sha256")[:_MAC_BYTES]


def _poll_after_ms(wait_ms: int, shopper_id: UUID) -> int:
    """Near one's turn, just after it; far from it, after a quarter of the wait. Up to a quarter more by shopper, so that
    those who came together do not ask together for ever.
    """
    pause_ms = wait_ms if wait_ms <= NEAR_MS else min(max(wait_ms // 4, NEAR_MS), LONGEST_PAUSE_MS)
    return pause_ms + pause_ms * (shopper_id.int % 256) // 1024


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
