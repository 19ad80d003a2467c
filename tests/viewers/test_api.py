"""Viewers over HTTP and sockets: counters are those of the real sockets, and likes are taken from who is signed in."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from domain.foundation import clock
from domain.foundation.ids import encode, new_id
from domain.live_rooms import running
from domain.viewers import gate as gates
from domain.viewers.counting import Tally
from tests.api.conftest import api, app, ask, post
from tests.given import Given
from tests.sockets.conftest import open_socket

__all__ = ["api", "app", "ask", "open_socket", "post"]

NEWS = "subscription ($room: ID!) { roomEvents(roomId: $room) { ... on RoomNews { counters { %s } } } }"
PHONE, TABLET = "phone-of-somebody", "tablet-of-somebody"
COUNTERS = "viewers peakViewers distinctViewers likes buying"
WATCH, POLL = NEWS % COUNTERS, NEWS.replace("subscription", "query") % COUNTERS
LIKE = """mutation ($input: LikeRoomInput!) { likeRoom(input: $input) {
  __typename ... on RoomLiked { taps } ... on UserError { code } } }"""


@pytest.fixture
def given(market, clean):
    """Builders at the machine's own time: over HTTP nobody hands a moment in."""
    return Given(market, now=clock.now())


@pytest.fixture
def counted(db, gate, given, room):
    """`await counted(viewers=3, ...)`: once so many watch, which processes tell within a second, what the room's counters are."""
    tally = Tally()

    async def counted(**wanted):
        async with asyncio.timeout(10):
            while True:
                await tally.count(db, gate, given.bus, now=clock.now())
                found = tally._last[room.id]
                if all(getattr(found, name) == value for name, value in wanted.items()):
                    return found
                await asyncio.sleep(0.1)

    return counted


@pytest.fixture
async def comes(open_socket, given, room):
    """`await comes(by=, on=)`: somebody watches on a socket; what is given back ends it. Two servers, by turns."""
    servers = [await open_socket(), await open_socket()]
    stacks = []

    async def comes(*, by=None, on=""):
        stacks.append(stack := AsyncExitStack())
        talk = await stack.enter_async_context(servers[len(stacks) % 2]())
        token = given.token(by) if by else None
        await talk.greet(token, device=on or new_id().hex)
        await talk.ask(WATCH, {"room": encode("room", room.id)})
        await talk.hear()
        return stack

    yield comes
    for stack in stacks:
        await stack.aclose()


async def test_counters_are_those_of_the_real_sockets_of_two_processes(given, comes, counted):
    shopper_id = await given.shopper()
    guests = [await comes() for _ in range(4)]
    twice = [await comes(by=shopper_id, on=PHONE), await comes(by=shopper_id, on=TABLET)]
    await counted(viewers=5, peak=5, distinct=5)

    await guests[0].aclose()
    await twice[0].aclose()
    await counted(viewers=4, peak=5, distinct=5)

    await twice[1].aclose()
    again = await comes(by=shopper_id, on=new_id().hex)
    await comes()
    await counted(viewers=5, peak=5, distinct=6)

    for gone in (*guests, again):
        await gone.aclose()
    await counted(viewers=1, distinct=6)


async def test_a_guest_who_signs_in_and_comes_again_stays_one_viewer(given, comes, counted):
    guest = await comes(on=PHONE)
    await counted(viewers=1, distinct=1)

    await guest.aclose()
    await comes(by=await given.shopper(), on=PHONE)
    await counted(viewers=1, distinct=1)


async def test_who_polls_is_counted(ask, given, room, counted):
    shopper_id = await given.shopper()
    for device in (PHONE, PHONE, TABLET):
        await ask(POLL, {"room": encode("room", room.id)}, x_device_id=device)
    await ask(POLL, {"room": encode("room", room.id)}, by=shopper_id, x_device_id=PHONE)

    await counted(viewers=3, distinct=2)  # the guest of the phone turned out to be the shopper


async def test_likes_reach_the_counters(ask, given, room, counted):
    shopper_id = await given.shopper()

    for taps in (3, 50):
        answer = await ask(LIKE, {"input": {"roomId": encode("room", room.id), "taps": taps}}, by=shopper_id)
        assert answer.data == {"__typename": "RoomLiked", "taps": taps}
    await counted(likes=53)


async def test_what_cannot_be_liked(ask, given, gate, room):
    shopper_id = await given.shopper()
    room_id = encode("room", room.id)
    assert (await ask(LIKE, {"input": {"roomId": room_id}})).codes == ["UNAUTHENTICATED"]
    assert (await ask(LIKE, {"input": {"roomId": room_id, "taps": 51}}, by=shopper_id)).codes == ["BAD_USER_INPUT"]
    nowhere = {"input": {"roomId": encode("room", new_id())}}
    assert (await ask(LIKE, nowhere, by=shopper_id)).data == {"__typename": "NotFound", "code": "NOT_FOUND"}

    await running.end(given.db, given.bus, room_id=room.id, by=room.host, now=given.now)
    answer = await ask(LIKE, {"input": {"roomId": room_id}}, by=shopper_id)

    assert answer.data == {"__typename": "RoomNotOn", "code": "ROOM_NOT_ON"}
    assert (await gates.count(gate, room.id, known_likes=0))[1] == 0
