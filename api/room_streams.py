"""The video of live rooms: addresses to push to and to play from, and the hooks by which a server says who does."""

import hmac
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson
import strawberry
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from api.access import Who, to
from api.context import Info
from api.faults import RequestFault
from api.nodes import read_id, show_id
from api.wire import ClientGone, RequestHead, read_body
from domain.foundation import clock, ids
from domain.foundation.errors import Refusal
from domain.foundation.runtime import Market
from domain.live_rooms import queries as live_rooms
from domain.live_rooms import running
from domain.live_rooms.rules import ON
from domain.streams import actions
from domain.streams.rules import RtmpServer, Use, parameters_of
from domain.streams.servers import video_server_of

HOOK_BYTES = 16_384
SRS_HOOK, NGINX_HOOK = "/streams/hooks/srs", "/streams/hooks/nginx-rtmp"
FORBIDDEN = 403
BEGINS, ENDS = frozenset({"on_publish", "publish"}), frozenset({"on_unpublish", "publish_done"})
PLAYS = frozenset({"on_play", "play"})


@strawberry.type(directives=to(Who.INHERITED), description="Where a room's host pushes the video. 推流地址")
class RoomStream:
    """A stream, for its host."""

    server: str = strawberry.field(description="What streaming programs ask for as the server.")
    stream_key: str = strawberry.field(description="And as the stream key: a secret. Whoever has it can push.")
    push_url: str = strawberry.field(description="Both in one.")
    ends_at: datetime = strawberry.field(description="Pushing must have begun before; ask again for a new one.")
    is_pushed: bool = strawberry.field(description="Whether somebody pushes now, as far as the server has told.")


@strawberry.type(directives=to(Who.ANYONE), description="Where a room's video is played from. 拉流地址")
class RoomPlayback:
    """A stream, for viewers."""

    hls: str = strawberry.field(description="Plays everywhere, some seconds behind.")
    flv: str = strawberry.field(description="HTTP-FLV, for a mini-program's live-player: about two seconds behind.")
    webrtc: str | None = strawberry.field(description="Less than a second behind; null where the server has none.")
    ends_at: datetime = strawberry.field(description="Playing must have begun before.")


@strawberry.type
class RoomStreamQuery:
    """The video of rooms."""

    @strawberry.field(
        directives=to(Who.CREW),
        description="Where to push a room's video to, for its crew and merchandisers; null where no video server is set up.",
    )
    async def room_stream(self, info: Info, room_id: strawberry.ID) -> RoomStream | None:
        """For the crew."""
        context, room = info.context, read_id("room", room_id)
        server = video_server_of(context.market.settings)
        async with context.market.db.reading() as reader:
            await running.check_crew(reader, room, context.shopper)
        if server is None:
            return None
        address = server.push(show_id("room", room), now=context.now)
        return RoomStream(
            server=address.server,
            stream_key=address.key,
            push_url=address.url,
            ends_at=address.ends_at,
            is_pushed=await actions.is_pushed(context.market.db, room),
        )

    @strawberry.field(
        directives=to(Who.ANYONE),
        description="Where to play a room's video from; null while it is not on, and where no video server is set up.",
    )
    async def room_playback(self, info: Info, room_id: strawberry.ID) -> RoomPlayback | None:
        """For viewers."""
        context, key = info.context, read_id("room", room_id)
        server = video_server_of(context.market.settings)
        room = (await live_rooms.by_ids(context.market.db, [key])).get(key)
        if server is None or room is None or room.state not in ON:
            return None
        addresses = server.play(show_id("room", key), now=context.now)
        return RoomPlayback(hls=addresses.hls, flv=addresses.flv, webrtc=addresses.webrtc, ends_at=addresses.ends_at)


async def take_srs_hook(request: Request) -> Response:
    """POST /streams/hooks/srs?secret=...: `on_publish`, `on_unpublish`, `on_play` as SRS sends them, in JSON.

    Answers 200 and `0` to let it happen, 403 otherwise, as SRS wants it; 400 for what is no such letter.
    """
    body = await _letter(request)
    if isinstance(body, Response):
        return body
    try:
        content = orjson.loads(body)
        told = {name: str(content.get(name) or "") for name in ("action", "stream", "client_id", "param")}
    except (orjson.JSONDecodeError, AttributeError):
        return PlainTextResponse("1", 400)
    notice = Notice(told["action"], told["stream"], told["client_id"], parameters_of(told["param"]))
    return PlainTextResponse("0") if await _take(request, notice) else PlainTextResponse("1", FORBIDDEN)


async def take_nginx_hook(request: Request) -> Response:
    """POST /streams/hooks/nginx-rtmp?secret=...: `publish`, `publish_done`, `play` as nginx-rtmp sends them, as a form.

    Answers 200 to let it happen, 403 otherwise.
    """
    body = await _letter(request)
    if isinstance(body, Response):
        return body
    form = parameters_of(body.decode(errors="replace"))
    notice = Notice(form.get("call", ""), form.get("name", ""), form.get("clientid", ""), form)
    return PlainTextResponse("", 200 if await _take(request, notice) else FORBIDDEN)


class Notice(NamedTuple):
    """What a server tells: what is done to which stream on which connection, and the parameters of the address used."""

    action: str
    stream: str
    client: str
    parameters: Mapping[str, str]


async def _letter(request: Request) -> bytes | Response:
    """The body of a letter that knows the secret; else the answer to it. Where no server of one's own is set up, none does."""
    secret = request.app.state.market.settings.video_hook_secret.get_secret_value().encode()
    if not secret or not hmac.compare_digest(request.query_params.get("secret", "").encode(), secret):
        return PlainTextResponse("1", FORBIDDEN)
    try:
        return await read_body(RequestHead(request.scope), request.receive, HOOK_BYTES)
    except RequestFault as fault:
        return PlainTextResponse("1", fault.status)
    except ClientGone:
        return Response()


async def _take(request: Request, notice: Notice) -> bool:
    """Whether what the server tells of may be; whatever else it tells is no matter of ours."""
    market: Market = request.app.state.market
    server, room_id, now = video_server_of(market.settings), _room_of(notice.stream), clock.now()
    if not isinstance(server, RtmpServer) or room_id is None:
        return False
    about: dict[str, Any] = {"room_id": room_id, "publisher": notice.client[:100], "now": now}
    bus = request.app.state.services.bus
    if notice.action in BEGINS:
        if not notice.client or not server.allows(Use.PUSH, notice.stream, notice.parameters, now=now):
            return False
        with suppress(Refusal):  # the room ended this very moment
            return await actions.begin(market.db, bus, **about)
        return False
    if notice.action in ENDS:
        with suppress(Refusal):  # likewise
            await actions.lose(market.db, bus, **about)
        return True
    return notice.action not in PLAYS or server.allows(Use.PLAY, notice.stream, notice.parameters, now=now)


def _room_of(stream: str) -> UUID | None:
    try:
        return ids.decode("room", stream)
    except ValueError:
        return None
