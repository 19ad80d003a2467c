"""Frames that nobody ever meant: the process lives, says nothing of itself, and every socket ends with a code of ours."""

import asyncio
import random

import orjson
from websockets.exceptions import ConnectionClosed

from api.socket_messages import Closing

FRAMES = 300
TYPES = ["connection_init", "subscribe", "complete", "ping", "pong", "next", "error", "connection_ack", "", 5, None]
IDS = ["1", "", "x" * 300, 7, None, [], {}, "\ud7ff", "日"]
PAYLOADS = [
    None,
    5,
    "{",
    [],
    {},
    {"query": "{ serverTime }"},
    {"query": "{ viewer { id } }", "variables": {"a": [[[]]]}},
    {"query": "subscription { flashSaleTicketEvents(id: 5) { __typename } }"},
    {"query": "query ($a: Money) { serverTime }", "variables": {"a": 1e300}},
    {"query": "{" * 500},
    {"query": "mutation { cancelOrder(input: {}) { __typename } }", "operationName": []},
    {"documentId": "sha256:" + "0" * 64},
    {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "f" * 64}}},
    {"extensions": {"persistedQuery": 5}},
    {"authorization": "Bearer x"},
    {"authorization": [], "language": {}},
    {"language": "\x00", "device": "x" * 10_000},
]


def frame(dice: random.Random) -> str | bytes:
    """One message, often nearly right."""
    message = {"type": dice.choice(TYPES), "id": dice.choice(IDS), "payload": dice.choice(PAYLOADS)}
    text = orjson.dumps({name: value for name, value in message.items() if dice.random() < 0.9})
    match dice.randrange(6):
        case 0:
            return dice.randbytes(dice.randrange(200))
        case 1:
            cut = bytearray(text)
            cut[dice.randrange(len(cut))] = dice.randrange(32, 127)
            return bytes(cut).decode(errors="replace")
        case _:
            return text.decode()


async def test_random_frames_kill_nothing_and_learn_nothing(server, socket):
    dice, said, codes = random.Random(11), "", []

    async def send_some(frames: list[str | bytes]) -> None:
        nonlocal said
        async with socket() as talk:
            if len(frames) % 2:
                await talk.greet()
            try:
                for each in frames:
                    await talk.say(each)
                    async with asyncio.timeout(0.02):
                        said += await talk.socket.recv()
            except ConnectionClosed as closed:
                assert closed.rcvd is not None
                codes.append(closed.rcvd.code)
                said += closed.rcvd.reason
            except TimeoutError:
                pass

    for _ in range(FRAMES // 5):
        await asyncio.gather(*(send_some([frame(dice) for _ in range(count)]) for count in (2, 3)))

    assert len(codes) > FRAMES / 10
    assert set(codes) <= {code.value for code in Closing} - {Closing.FAULT_OF_OURS}
    assert "INTERNAL" not in said
    assert not any(word in said for word in ("Traceback", "api.", "sqlalchemy", "SELECT", "/work"))
    async with socket() as talk:
        await talk.greet()
        assert "serverTime" in (await talk.answer("{ serverTime }"))["data"]
    assert server.member.is_running
    assert "internal error" not in server.log
