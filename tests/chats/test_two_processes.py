"""Two API processes serve one room: whoever is banned on one of them is turned out of both."""

import asyncio

import pytest

from domain.foundation import clock
from domain.foundation.ids import encode, new_id
from domain.live_rooms.bus import LiveBus
from tests.given import Given
from tests.sockets.conftest import open_socket

__all__ = ["open_socket"]

WITHIN_SECONDS = 5.0
WATCH = "subscription ($room: ID!) { roomEvents(roomId: $room) { __typename } }"
POST = """mutation ($input: PostCommentInput!) { postComment(input: $input) {
  __typename ... on PostedRoomComment { comment { id } } ... on UserError { code } } }"""
BAN = """mutation ($input: BanViewerInput!) { banViewer(input: $input) { __typename } }"""


@pytest.fixture
def given(market, clean):
    """Builders at the machine's own time: over a socket nobody hands a moment in."""
    return Given(market, now=clock.now())


async def answer(talk, document, variables, id):
    """What an operation on a socket answers, whatever else is heard meanwhile."""
    await talk.ask(document, variables, id=id)
    while True:
        heard = await talk.hear()
        if heard["id"] == id and heard["type"] == "next":
            [told] = heard["payload"]["data"].values()
            return told


async def write(talk, room, id):
    wish = {"roomId": encode("room", room.id), "text": "好看", "idempotencyKey": str(new_id())}
    return await answer(talk, POST, {"input": wish}, id)


async def until_turned_out(talk):
    """Hear until the subscription has ended, and what it said last."""
    told = None
    while (heard := await talk.hear())["type"] != "complete" or heard["id"] != "watch":
        if heard["id"] == "watch":
            told = heard["payload"]["data"]["roomEvents"]["__typename"]
    return told


async def test_a_banned_viewer_neither_writes_nor_watches_though_the_live_bus_has_lost_it(
    open_socket, given, monkeypatch
):
    room, viewer = await given.live_room(), await given.viewer("刷屏的人")
    first, second = await open_socket(), await open_socket()

    async def lost(*said):
        pass

    monkeypatch.setattr(LiveBus, "tell", lost)
    async with first() as here, second() as there, second() as host:
        for talk in (here, there):
            await talk.greet(given.token(viewer.account_id, now=clock.now()))
            await talk.ask(WATCH, {"room": encode("room", room.id)}, id="watch")
        await host.greet(given.token(room.host.account_id, now=clock.now()))
        comment = (await write(here, room, "first"))["comment"]["id"]

        banned = await answer(host, BAN, {"input": {"commentId": comment, "reason": "刷屏"}}, "ban")
        async with asyncio.timeout(WITHIN_SECONDS):
            last = await asyncio.gather(until_turned_out(here), until_turned_out(there))
        refused = [await write(talk, room, "second") for talk in (here, there)]

    assert banned == {"__typename": "RoomSilence"}
    assert last == ["BannedFromRoom"] * 2
    assert refused == [{"__typename": "BannedFromRoom", "code": "BANNED_FROM_ROOM"}] * 2
