"""Addresses for those who may have them, and the doors where servers tell what happens."""

from urllib.parse import urlencode

import orjson
import pytest

from api.app import Api
from domain.accounts.rules import Role
from domain.foundation.ids import encode
from domain.live_rooms import queries
from domain.live_rooms.rules import RoomState
from domain.streams import actions
from domain.streams.rules import parameters_of
from tests.api.conftest import call

SECRET = "s" * 32
VIDEO = {
    "video": "rtmp",
    "video_push_url": "rtmp://push.example.com/live",
    "video_play_url": "https://play.example.com/live",
    "video_push_key": "push-key",
    "video_play_key": "play-key",
    "video_hook_secret": SECRET,
}
STREAM = "query ($id: ID!) { roomStream(roomId: $id) { server streamKey pushUrl isPushed } }"
PLAYBACK = "query ($id: ID!) { roomPlayback(roomId: $id) { hls flv webrtc } }"


@pytest.fixture
async def app(settings, clean):
    """An API process with a video server of one's own."""
    checked = type(settings)(**{**settings.model_dump(), **VIDEO})
    api = Api(checked)
    async with api.started():
        yield api.app


@pytest.fixture
async def one(given):
    return await given.live_room(is_live=False)


@pytest.fixture
def ask(app, given):
    async def asked(document, one, *, by=None, roles=()):
        headers = {"content-type": "application/json"}
        if by is not None:
            headers["authorization"] = f"Bearer {given.token(by, *roles, now=None)}"
        body = orjson.dumps({"query": document, "variables": {"id": encode("room", one.id)}})
        return await call(app, "POST", "/graphql", body, headers)

    return asked


async def pushing(ask, one):
    stream = (await ask(STREAM, one, by=one.host.account_id)).data
    return stream, parameters_of(stream["streamKey"].partition("?")[2])


def srs(app, one, action, given, *, client="srs-1", secret=SECRET):
    body = {"action": action, "client_id": client, "ip": "10.0.0.1", "vhost": "v", "app": "live"}
    body |= {"stream": encode("room", one.id), "param": f"?{urlencode(given)}"}
    return call(app, "POST", f"/streams/hooks/srs?secret={secret}", orjson.dumps(body))


def nginx(app, one, what, given, *, client="17", secret=SECRET):
    body = {"call": what, "addr": "10.0.0.1", "clientid": client, "app": "live", "name": encode("room", one.id)}
    return call(app, "POST", f"/streams/hooks/nginx-rtmp?secret={secret}", urlencode(body | given).encode())


async def state(given, one):
    return (await queries.by_ids(given.db, [one.id]))[one.id].state


@pytest.fixture
def given(given, monkeypatch):
    """Tokens and rooms of this moment: the API looks at the clock."""
    from domain.foundation import clock

    given.now = clock.now()
    return given


async def test_the_crew_is_told_where_to_push_and_nobody_else(ask, given, one):
    stream, _ = await pushing(ask, one)

    assert stream["server"] == "rtmp://push.example.com/live"
    assert stream["pushUrl"] == f"{stream['server']}/{stream['streamKey']}"
    assert stream["streamKey"].startswith(f"{encode('room', one.id)}?ends=")
    assert stream["isPushed"] is False
    assert (await ask(STREAM, one, by=await given.shopper(), roles=(Role.HOST,))).codes == ["FORBIDDEN"]
    assert (await ask(STREAM, one)).codes == ["UNAUTHENTICATED"]
    assert (await ask(STREAM, one, by=await given.shopper(), roles=(Role.MERCHANDISER,))).data["isPushed"] is False


async def test_anybody_is_told_where_to_play_while_the_room_is_on(ask, given, one):
    assert (await ask(PLAYBACK, one)).data is None
    await actions.begin(given.db, given.bus, room_id=one.id, publisher="1", now=given.now)

    playback = (await ask(PLAYBACK, one)).data

    assert playback["hls"].startswith(f"https://play.example.com/live/{encode('room', one.id)}.m3u8?ends=")
    assert playback["webrtc"] is None


async def test_a_server_of_srs_tells_in_json(app, ask, given, one):
    _, signed = await pushing(ask, one)

    refused = await srs(app, one, "on_publish", {**signed, "token": "0" * 40})
    begun = await srs(app, one, "on_publish", signed)
    live = await state(given, one)
    ended = await srs(app, one, "on_unpublish", {})

    assert (refused.status, begun.status, begun.body, ended.status, ended.body) == (403, 200, b"0", 200, b"0")
    assert (live, await state(given, one)) == (RoomState.LIVE, RoomState.PAUSED)


async def test_a_server_of_nginx_tells_as_a_form(app, ask, given, one):
    _, signed = await pushing(ask, one)

    refused = await nginx(app, one, "publish", {})
    begun = await nginx(app, one, "publish", signed)
    live = await state(given, one)
    ended = await nginx(app, one, "publish_done", signed)

    assert (refused.status, begun.status, ended.status) == (403, 200, 200)
    assert (live, await state(given, one)) == (RoomState.LIVE, RoomState.PAUSED)


async def test_playing_is_allowed_with_a_playing_address(app, ask, given, one):
    _, pushing_with = await pushing(ask, one)
    await srs(app, one, "on_publish", pushing_with)
    playing_with = parameters_of((await ask(PLAYBACK, one)).data["hls"].partition("?")[2])

    for hook, action in ((srs, "on_play"), (nginx, "play")):
        assert (await hook(app, one, action, playing_with)).status == 200
        assert (await hook(app, one, action, pushing_with)).status == 403
    assert (await srs(app, one, "on_stop", {})).status == 200


async def test_nobody_tells_without_the_secret(app, ask, given, one, settings):
    _, signed = await pushing(ask, one)

    for hook, action in ((srs, "on_publish"), (nginx, "publish")):
        for secret in ("", "x" * 32, "%C3%BC"):
            assert (await hook(app, one, action, signed, secret=secret)).status == 403
    assert await state(given, one) is RoomState.SCHEDULED


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"null", b'{"action": "on_publish"}', b'{"stream": 5}', b"\xff"])
async def test_letters_that_make_no_sense_change_nothing(app, body, one, given):
    for door in ("srs", "nginx-rtmp"):
        response = await call(app, "POST", f"/streams/hooks/{door}?secret={SECRET}", body)
        assert response.status in {400, 403}
    too_long = await call(app, "POST", f"/streams/hooks/srs?secret={SECRET}", b"x" * 20_000)
    assert too_long.status == 413
    assert await state(given, one) is RoomState.SCHEDULED
