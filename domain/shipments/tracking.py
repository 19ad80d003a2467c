"""The port to a tracking company, and a client that speaks as such companies do in China.

What is said is a form with JSON `param` and `sign`, the MD5 (in capitals) of param, key and customer. What the company brings
to our door by itself is signed with the MD5 of param and a salt that it was given when it was asked to follow the parcel.
"""

import asyncio
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import parse_qs
from weakref import WeakKeyDictionary

import aiohttp
import orjson

from domain.foundation import tracing
from domain.foundation.clock import SHOP_ZONE
from domain.foundation.errors import ClientFault
from domain.foundation.settings import Settings
from domain.shipments.rules import CARRIERS, Carrier, Shipment, ShipmentState, TrackingEvent

NOTICE_PATH = "/shipments/tracking/notice"
PATIENCE = aiohttp.ClientTimeout(total=5)
FOLLOWED_BEFORE = "501"
NOTHING_KNOWN = "500"
EVENTS_READ = 300
"""Of one parcel, at most; one that goes round the country has forty."""

# The companies tell finer states by more digits (301: delivered, to the shopper; 1001: ...); the first ones say which it is.
STATES: Mapping[str, ShipmentState] = {
    **dict.fromkeys(("0", "1", "5", "7", "8", "10", "11", "12", "13"), ShipmentState.MOVING),
    "3": ShipmentState.DELIVERED,
    **dict.fromkeys(("2", "4", "6", "14"), ShipmentState.TROUBLED),
}


class TrackingFailed(Exception):
    """The company did not answer, or answered nonsense: ask again later."""


class PushForged(ClientFault):
    """What was brought is not signed with our salt."""

    code = "PUSH_FORGED"


class PushMalformed(ClientFault):
    """Signed, but it cannot be read: the company speaks another version than we do."""

    code = "PUSH_MALFORMED"


@dataclass(frozen=True, slots=True)
class Push:
    """What the company has brought: all that it knows of the parcels with a number."""

    carriers: tuple[Carrier, ...]
    number: str
    events: tuple[TrackingEvent, ...]


class TrackingCompany(Protocol):
    """A company that knows where parcels are. Both calls may be repeated; each raises TrackingFailed."""

    async def follow(self, shipment: Shipment, *, phone: str) -> None:
        """Have it tell us of a parcel by itself from now on. `phone` is the receiver's: some carriers want its end."""

    async def ask(self, shipment: Shipment, *, phone: str) -> list[TrackingEvent]:
        """All that is known of a parcel by now; nothing, if it was not seen yet."""

    def read_push(self, body: bytes) -> Push:
        """What is in a push, verified. Raises PushForged or PushMalformed."""

    async def hang_up(self) -> None:
        """Close the connections of the running event loop; the next call dials again."""


class Aggregator:
    """The port, spoken over HTTP. See `TrackingCompany` for what each call promises."""

    def __init__(self, url: str, *, customer: str, key: str, notice_url: str) -> None:
        self._url = url.rstrip("/")
        self._customer = customer
        self._key = key
        self._notice_url = notice_url
        self._salt = hmac.digest(key.encode(), b"what is pushed", hashlib.sha256).hex()[:32]
        # a worker process may run more than one event loop, and a session belongs to one
        self._sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, aiohttp.ClientSession] = WeakKeyDictionary()

    async def follow(self, shipment: Shipment, *, phone: str) -> None:
        """Subscribe; a parcel that is followed already stays so."""
        wish = {
            "company": CARRIERS[shipment.carrier].tracking,
            "number": shipment.tracking_number,
            "parameters": {"callbackurl": self._notice_url, "salt": self._salt, "phone": phone[-4:], "resultv2": "4"},
        }
        answer = await self._ask("/poll", wish)
        if answer.get("result") is not True and answer.get("returnCode") != FOLLOWED_BEFORE:
            raise TrackingFailed(f"not followed: {answer.get('returnCode')} {str(answer.get('message'))[:200]}")

    async def ask(self, shipment: Shipment, *, phone: str) -> list[TrackingEvent]:
        """Query."""
        wish = {
            "com": CARRIERS[shipment.carrier].tracking,
            "num": shipment.tracking_number,
            "phone": phone[-4:],
            "resultv2": "4",
        }
        answer = await self._ask("/poll/query.do", wish)
        if answer.get("returnCode") == NOTHING_KNOWN:
            return []
        try:
            return _events(answer["data"])
        except (ValueError, KeyError, TypeError) as error:
            raise TrackingFailed(f"the answer cannot be read: {error!r}") from error

    def read_push(self, body: bytes) -> Push:
        """The push in a form."""
        try:
            form = parse_qs(body.decode(), strict_parsing=True, max_num_fields=8)
        except ValueError:
            raise PushForged("the push is no form") from None
        param, said = form.get("param", [""])[0], form.get("sign", [""])[0]
        if not hmac.compare_digest(md5(param + self._salt).encode(), said.upper().encode()):
            raise PushForged("the signature is not the tracking company's")
        try:
            result = orjson.loads(param)["lastResult"]
            carriers = tuple(carrier for carrier, facts in CARRIERS.items() if facts.tracking == result["com"] != "")
            return Push(carriers, _text(result["nu"], 40), tuple(_events(result["data"])))
        except (ValueError, KeyError, TypeError) as error:
            raise PushMalformed(f"the push cannot be read: {error!r}") from error

    async def hang_up(self) -> None:
        """Close this event loop's connections."""
        session = self._sessions.pop(asyncio.get_running_loop(), None)
        if session is not None:
            await session.close()

    async def _ask(self, path: str, wish: Mapping[str, Any]) -> dict[str, Any]:
        param = orjson.dumps(wish).decode()
        form = {"customer": self._customer, "param": param, "sign": md5(param + self._key + self._customer)}
        try:
            with tracing.within(f"tracking {path}", kind="client"):
                async with self._session().post(self._url + path, data=form) as response:
                    answer = orjson.loads(await response.read())
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise TrackingFailed(f"{path}: {error!r}") from error
        if response.status != 200 or not isinstance(answer, dict):
            raise TrackingFailed(f"{path}: {response.status} {str(answer)[:200]}")
        return answer

    def _session(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        session = self._sessions.get(loop)
        if session is None:
            session = self._sessions[loop] = aiohttp.ClientSession(timeout=PATIENCE)
        return session


def md5(text: str) -> str:
    """The signature of these companies: an MD5 in capital hexadecimal digits."""
    return hashlib.md5(text.encode()).hexdigest().upper()  # noqa: S324 - the companies' choice, not ours


_companies: dict[tuple[str, str, str, str], TrackingCompany] = {}


def company_of(settings: Settings) -> TrackingCompany | None:
    """The configured tracking company: one client per process. None where there is none."""
    if not settings.tracking_url or not settings.tracking_key.get_secret_value():
        return None
    notice_url = settings.home + NOTICE_PATH
    key = (settings.tracking_url, settings.tracking_customer, settings.tracking_key.get_secret_value(), notice_url)
    if key not in _companies:
        _companies[key] = Aggregator(key[0], customer=key[1], key=key[2], notice_url=notice_url)
    return _companies[key]


async def hang_up() -> None:
    """Close what is open to tracking companies on this event loop; for the end of a process."""
    for company in _companies.values():
        await company.hang_up()


def _events(told: Any) -> list[TrackingEvent]:
    if not isinstance(told, list):
        raise ValueError("data is no list")
    return [_event(one) for one in told[:EVENTS_READ]]


def _event(told: Any) -> TrackingEvent:
    code = str(told["statusCode"])
    base = code[:-2] if len(code) > 2 else code
    # a state that we do not know yet is at least a sign of life
    state = STATES.get(base, ShipmentState.MOVING)
    return TrackingEvent(
        _moment(told["time"]), state, _text(told["context"], 500), _text(told.get("areaName") or "", 120)
    )


def _moment(text: Any) -> datetime:
    """The companies tell the time of the shop's zone, without saying so."""
    moment = datetime.fromisoformat(str(text))
    return moment if moment.tzinfo else moment.replace(tzinfo=SHOP_ZONE)


def _text(text: Any, longest: int) -> str:
    if not isinstance(text, str):
        raise ValueError(f"{text!r} is no text")
    return text.replace("\0", " ")[:longest]
