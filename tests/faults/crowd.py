"""Shoppers who do what a mini-program does over HTTP: ask a pass, claim, repeat with the same key, poll."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import aiohttp

from domain.accounts.rules import Principal, Role
from domain.accounts.tokens import issue
from domain.foundation import clock
from domain.foundation.ids import encode
from domain.foundation.settings import Settings

PASS = """mutation ($input: RequestFlashSalePassInput!) { requestFlashSalePass(input: $input) {
  __typename ... on FlashSalePass { pass } ... on UserError { code } } }"""
CLAIM = """mutation ($input: ClaimFlashSaleInput!) { claimFlashSale(input: $input) {
  __typename ... on FlashSaleTicket { id state } ... on UserError { code } } }"""
TICKET = """query ($id: ID!) { flashSaleTicket(id: $id) {
  __typename ... on FlashSaleTicket { id state } ... on UserError { code } } }"""

AGAIN = {"FLASH_SALE_PASS_REFUSED", "FLASH_SALE_BUSY", "FLASH_SALE_NOT_OPEN"}


@dataclass
class Crowd:
    """A crowd at one item. `refused` counts codes met on the way, `ended` how each shopper's evening ended."""

    url: str
    settings: Settings
    item_id: UUID
    refused: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    claimed: int = 0

    async def shop(self, shopper_ids: list[UUID], *, seconds: float = 60) -> None:
        """Let everybody shop at once, each for at most so many seconds."""
        connector = aiohttp.TCPConnector(limit=100)
        async with aiohttp.ClientSession(connector=connector) as session:
            await asyncio.gather(*(self._one(session, shopper_id, seconds) for shopper_id in shopper_ids))

    async def _one(self, session: aiohttp.ClientSession, shopper_id: UUID, seconds: float) -> None:
        token = issue(self.settings, Principal(shopper_id, frozenset({Role.SHOPPER})), now=clock.now()).text
        headers = {"authorization": f"Bearer {token}"}
        try:
            async with asyncio.timeout(seconds):
                self.ended[await self._evening(session, headers)] += 1
        except TimeoutError:
            self.ended["still there"] += 1

    async def _evening(self, session: aiohttp.ClientSession, headers: dict[str, str]) -> str:
        item = encode("saleitem", self.item_id)
        patience = 0  # who lost a place in the queue is not sent away by one sold-out answer of a moment ago
        while True:
            leave = await self._ask(session, headers, PASS, {"input": {"itemId": item}})
            if leave["__typename"] != "FlashSalePass":
                if leave["code"] not in AGAIN:
                    return str(leave["code"])
                continue
            wish = {"pass": leave["pass"], "quantity": 1, "idempotencyKey": "request-1"}
            ticket = await self._ask(session, headers, CLAIM, {"input": wish})
            if ticket["__typename"] != "FlashSaleTicket":
                if ticket["code"] not in AGAIN and not patience:
                    return str(ticket["code"])
                patience = max(patience - (ticket["code"] not in AGAIN), 0)
                await asyncio.sleep(0.3)
                continue
            self.claimed += 1
            while ticket.get("state") in {"QUEUED", "WAITING"}:
                await asyncio.sleep(0.2)
                ticket = await self._ask(session, headers, TICKET, {"id": ticket["id"]})
            if ticket["__typename"] == "FlashSaleTicket":
                return str(ticket["state"])
            # the queue was lost with Redis: claim again with the same key
            patience = 10

    async def _ask(
        self, session: aiohttp.ClientSession, headers: dict[str, str], query: str, variables: dict[str, Any]
    ) -> dict[str, Any]:
        while True:
            try:
                async with session.post(
                    f"{self.url}/graphql", json={"query": query, "variables": variables}, headers=headers
                ) as response:
                    content = await response.json()
            except (aiohttp.ClientError, OSError):
                self.refused["no answer"] += 1
                await asyncio.sleep(0.2)
                continue
            if content.get("data"):
                [answer] = content["data"].values()
                if "code" in answer:
                    self.refused[answer["code"]] += 1
                return dict(answer)
            self.refused[content["errors"][0]["extensions"]["code"]] += 1
            await asyncio.sleep(0.2)
