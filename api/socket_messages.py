"""The messages of the graphql-transport-ws protocol: text to message and back, and the codes that end a socket."""

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, NamedTuple

import orjson

SUBPROTOCOL = "graphql-transport-ws"
ID_CHARACTERS = 255  # every message of an operation repeats its id

PING = b'{"type":"ping"}'


class Closing(IntEnum):
    """Why a socket is closed, as its client is told.

    Clients of the protocol come again by themselves after 1012, 1013, 4403 and 4408, and take the others for their own
    mistake.
    """

    TOO_BIG = 1009
    FAULT_OF_OURS = 1011
    RESTART = 1012
    TRY_LATER = 1013
    """Dropped because it reads too slowly, or not let in because there are too many."""
    MALFORMED = 4400
    BEFORE_HANDSHAKE = 4401
    FORBIDDEN = 4403
    """The token was refused, has expired or was revoked: refresh it and come again."""
    WRONG_SUBPROTOCOL = 4406
    SILENT = 4408
    """No connection_init in time, or nothing at all while we pinged twice."""
    ID_IN_USE = 4409
    TOO_MANY = 4429
    """A second connection_init, or more messages in a short while than anybody needs."""


class Malformed(Exception):
    """A message that the protocol does not know; says what is wrong with it."""


class ClientMessage(NamedTuple):
    """What a client says. `id` is empty and `payload` None where the type has none."""

    type: str
    id: str
    payload: dict[str, Any] | None


def read_message(text: str) -> ClientMessage:
    """The message in a text frame. Raises Malformed for everything that a client has no business to send."""
    try:
        content = orjson.loads(text)
    except orjson.JSONDecodeError:  # also for what is nested beyond 1,024 levels
        raise Malformed("A message must be JSON.") from None
    if not isinstance(content, dict):
        raise Malformed("A message must be a JSON object.")
    if "\\u0000" in text:  # PostgreSQL's text holds every character but this one
        raise Malformed("The character U+0000 is not allowed anywhere in a message.")
    kind, id, payload = content.get("type"), content.get("id"), content.get("payload")
    if kind in {"subscribe", "complete"}:
        if not isinstance(id, str) or not 0 < len(id) <= ID_CHARACTERS:
            raise Malformed(f"{kind} needs an id of 1 to {ID_CHARACTERS} characters.")
    elif kind in {"connection_init", "ping", "pong"}:
        id = ""
    else:
        raise Malformed("Clients send connection_init, ping, pong, subscribe and complete.")
    if not isinstance(payload, dict) and (kind == "subscribe" or payload is not None):
        raise Malformed(f"The payload of {kind} must be an object.")
    return ClientMessage(kind, id, payload)


def ack(payload: dict[str, Any]) -> bytes:
    """The handshake is accepted."""
    return orjson.dumps({"type": "connection_ack", "payload": payload})


def pong(payload: dict[str, Any] | None) -> bytes:
    """The answer to a ping, with the payload that the ping had."""
    return orjson.dumps({"type": "pong"} if payload is None else {"type": "pong", "payload": payload})


def next_(id: str, result: bytes) -> bytes:
    """One result of an operation; `result` is JSON."""
    return b'{"id":%b,"type":"next","payload":%b}' % (orjson.dumps(id), result)


def error(id: str, errors: Sequence[Any]) -> bytes:
    """The end of an operation that could not be executed."""
    return orjson.dumps({"id": id, "type": "error", "payload": errors})


def complete(id: str) -> bytes:
    """The end of an operation after its last result."""
    return orjson.dumps({"id": id, "type": "complete"})
