"""Builders for shipments and suppliers, and the two companies as they run in the world: processes of their own over HTTP.

Tests import the fixtures they use.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import aiohttp
import orjson
import pytest

from domain.foundation.database import Database
from domain.foundation.ids import new_id
from domain.foundation.money import Money
from domain.foundation.settings import Settings
from domain.foundation.wechat_platform import WechatPlatform
from domain.orders.events import OrderGivenBack, OrderReceived, OrderShipped
from domain.orders.queries import unconfirmed_units
from domain.orders.rules import Order
from domain.shipments import queries, receiving, shipping, uploads
from domain.shipments.rules import Carrier, Shipment, Upload
from domain.shipments.tracking import Aggregator
from domain.shipments.wechat import WechatShipping
from domain.suppliers import actions, feeds, rules
from domain.suppliers.rules import FeedReport, Letter, SuppliedSku, Supplier
from tests.given.wechat import free_port

TRACKING_KEY = "tracking-key"
APP_ID, APP_SECRET, MCH_ID = "wxapp", "wechat-app-secret", "1900000001"
NOBODY = "http://127.0.0.1:9/nobody-listens"


class ShipmentsGiven:
    """Builders for parcels, and for the suppliers who send some."""

    db: Database
    now: datetime

    def tracking_number(self) -> str:
        """A number no other parcel has."""
        return f"SF{new_id().int % 10**13:013d}"

    async def shipped(
        self,
        order: Order,
        units: Mapping[int, int] | None = None,
        *,
        number: str = "",
        carrier: Carrier = Carrier.SF,
        key: str = "",
        now: datetime | None = None,
    ) -> Shipment:
        """A parcel with these units, or with everything that is left."""
        return await shipping.ship(
            self.db,
            order_id=order.id,
            lines=units,
            carrier=carrier,
            tracking_number=number or self.tracking_number(),
            by=new_id(),
            idempotency_key=key or f"ship-{new_id()}",
            now=now or self.now,
        )

    async def confirmed(self, order: Order, *, now: datetime | None = None) -> UUID:
        """The shopper's word that they have it."""
        return await receiving.confirm(
            self.db,
            order_id=order.id,
            shopper_id=order.shopper_id,
            idempotency_key=f"confirm-{new_id()}",
            now=now or self.now,
        )

    async def shipment_again(self, shipment_id: UUID) -> Shipment:
        """The parcel as it is now."""
        return (await queries.by_ids(self.db, [shipment_id]))[shipment_id]

    async def upload(self, order: Order) -> Upload:
        """What WeChat is told of the order."""
        return (await queries.uploads_by_order_ids(self.db, [order.id]))[order.id]

    async def uploads(self, orders: Sequence[Order]) -> list[Upload]:
        """The same of many, as far as it is told anything."""
        return list((await queries.uploads_by_order_ids(self.db, [order.id for order in orders])).values())

    async def hear_shipments(self, *, now: datetime | None = None) -> None:
        """What the worker does with every event of goods kept so far, in order."""
        for event in await self.recorded(OrderShipped, OrderReceived, OrderGivenBack):  # type: ignore[attr-defined]
            await uploads.open_if_more(self.db, event.order_id, now=now or self.now)

    async def supplier(self, code: str = "guihua") -> tuple[Supplier, bytes]:
        """A supplier and its key."""
        supplier, key = await actions.create(
            self.db, code=code, name="桂花坊", by=new_id(), idempotency_key=f"create-{new_id()}", now=self.now
        )
        assert key is not None
        return supplier, key

    async def supplied(self, supplier: Supplier, *codes: str, units: int = 10, cost_minor: int = 800) -> list[UUID]:
        """SKUs that the supplier sends, under these codes."""
        sku_ids = [await self.sku(units=units) for _ in codes]  # type: ignore[attr-defined]
        skus = [
            SuppliedSku(sku_id, supplier.id, code, Money(cost_minor))
            for sku_id, code in zip(sku_ids, codes, strict=True)
        ]
        await actions.assign(self.db, supplier_id=supplier.id, skus=skus, by=new_id(), now=self.now)
        return sku_ids

    async def feed(
        self, supplier: Supplier, quantities: Mapping[str, Any], *, as_of: datetime | None = None, reference: str = ""
    ) -> FeedReport:
        """A feed that was verified, as of now unless said otherwise."""
        rows = [{"code": code, "quantity": quantity} for code, quantity in quantities.items()]
        letter = self.letter("feed", orjson.dumps(rows), as_of=(as_of or self.now).isoformat(), reference=reference)
        content = feeds.read(letter.body, is_csv=False)
        return await feeds.take(self.db, supplier, letter, content, unheard=unconfirmed_units, now=self.now)

    def letter(
        self,
        door: str,
        body: bytes,
        *,
        key: bytes = b"",
        as_of: str = "",
        reference: str = "",
        now: datetime | None = None,
    ) -> Letter:
        """A letter to a door, signed with the key where one is given."""
        timestamp = str(int((now or self.now).timestamp()))
        unsigned = Letter(door, timestamp, reference or f"ref-{new_id()}", as_of, "", body)
        return Letter(door, timestamp, unsigned.reference, as_of, rules.sign(key, unsigned) if key else "", body)


@dataclass(frozen=True)
class RunningTracking:
    """The tracking company's address, and what tests may command there."""

    url: str

    def client(self, notice_url: str = NOBODY, *, key: str = TRACKING_KEY) -> Aggregator:
        """Our client, with pushes sent to this address."""
        return Aggregator(self.url, customer="nightmarket", key=key, notice_url=notice_url)

    async def move(self, number: str, **seen: Any) -> Any:
        """Have a parcel seen."""
        return await _post(f"{self.url}/parcels/{number}/move", seen)

    async def forge(self, number: str) -> None:
        """Push a lie."""
        await _post(f"{self.url}/parcels/{number}/forge", {})

    async def behave(self, **mood: Any) -> None:
        """How pushes travel from now on."""
        await _post(f"{self.url}/behaviour", mood)

    async def is_followed(self, number: str) -> bool:
        """Whether somebody wants to be told of the parcel."""
        return bool((await _get(f"{self.url}/parcels/{number}"))["followed"])


@dataclass(frozen=True)
class RunningPlatform:
    """The WeChat platform's address, and what tests may command there."""

    url: str

    def client(self, *, secret: str = APP_SECRET) -> WechatShipping:
        """Our client, without a token yet."""
        return WechatShipping(WechatPlatform(self.url, app_id=APP_ID, app_secret=secret), MCH_ID)

    async def told(self, order: Order) -> Any:
        """What it was told of an order: uploads, is_complete, content; None if nothing."""
        assert order.paid_with is not None
        return (await _get(f"{self.url}/commands/told"))["orders"].get(order.paid_with.hex)

    async def tokens_given(self) -> int:
        """How many access tokens it gave."""
        return int((await _get(f"{self.url}/commands/told"))["tokens_given"])

    async def expire(self) -> None:
        """The token ends before its time."""
        await _post(f"{self.url}/commands/expire", {})

    async def fail(self, errcode: int | str, times: int = 1, *, door: str = "upload") -> None:
        """Answer so at one of its doors: upload, login, phone, token, code, link."""
        await _post(f"{self.url}/commands/fail", {"errcode": errcode, "times": times, "door": door})

    async def advance(self, seconds: float) -> None:
        """Let time pass, as codes know it."""
        await _post(f"{self.url}/commands/advance", {"seconds": seconds})

    async def block(self, openid: str) -> None:
        """Count a user as a risk."""
        await _post(f"{self.url}/commands/block", {"openid": openid})

    async def login_code(self, openid: str, unionid: str = "") -> str:
        """What wx.login gives on this user's phone."""
        code = await _post(f"{self.url}/commands/login", {"openid": openid, "unionid": unionid})
        return str(code["code"])

    async def phone_code(self, number: str, **more: str) -> str:
        """What the button getPhoneNumber gives on a phone with this number."""
        return str((await _post(f"{self.url}/commands/phone", {"number": number, **more}))["code"])

    def settings(self, settings: Settings, **more: Any) -> Settings:
        """These settings, and the platform in them."""
        knobs = {"wechat_platform_url": self.url, "wechat_app_id": APP_ID, "wechat_app_secret": APP_SECRET}
        return Settings.model_validate(settings.model_dump() | knobs | more)


@pytest.fixture(scope="session")
async def tracking_company() -> AsyncIterator[RunningTracking]:
    """The tracking company, whose parcels move on command only."""
    async with _running("simulators.tracking", ["--pace", "0"], {"TRACKING_KEY": TRACKING_KEY}, "/livez") as url:
        yield RunningTracking(url)


@pytest.fixture
async def tracking(tracking_company: RunningTracking) -> AsyncIterator[RunningTracking]:
    """The same, with pushes that come at once."""
    await tracking_company.behave(behaviour="once")
    yield tracking_company


@pytest.fixture(scope="session")
async def wechat_company() -> AsyncIterator[RunningPlatform]:
    """The WeChat platform."""
    secrets = {"WECHAT_APP_ID": APP_ID, "WECHAT_APP_SECRET": APP_SECRET}
    async with _running("simulators.wechat_platform", [], secrets, "/commands/told") as url:
        yield RunningPlatform(url)


@pytest.fixture
async def wechat(wechat_company: RunningPlatform) -> AsyncIterator[RunningPlatform]:
    """The same, without failures that an earlier test ordered."""
    for door in ("upload", "login", "phone", "token", "code", "link", "message"):
        await wechat_company.fail(0, 0, door=door)
    yield wechat_company


@pytest.fixture
async def platform(wechat: RunningPlatform) -> AsyncIterator[WechatShipping]:
    """Our client of it."""
    platform = wechat.client()
    yield platform
    await platform.platform.hang_up()


@asynccontextmanager
async def _running(module: str, options: list[str], secrets: dict[str, str], alive: str) -> AsyncIterator[str]:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, "--port", str(port), *options, env={**os.environ, **secrets}
    )
    url = f"http://127.0.0.1:{port}"
    try:
        await _until_it_answers(url + alive)
        yield url
    finally:
        process.terminate()
        await process.wait()


async def _until_it_answers(url: str) -> None:
    for _ in range(200):
        try:
            await _get(url)
            return
        except aiohttp.ClientError:
            await asyncio.sleep(0.05)
    raise TimeoutError(f"{url} does not answer")


async def _get(url: str) -> Any:
    async with aiohttp.request("GET", url) as response:
        return await response.json()


async def _post(url: str, content: Mapping[str, Any]) -> Any:
    async with aiohttp.request("POST", url, json=content) as response:
        assert response.status == 200, await response.text()
        return await response.json()
