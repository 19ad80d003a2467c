"""Room chat over HTTP: viewers write and read, the crew moderates, merchandisers set the words."""

import csv
from io import StringIO

import pytest

from domain.accounts.rules import Role
from domain.foundation import clock
from domain.foundation.ids import encode, new_id
from domain.trail import queries as trail
from tests.api.conftest import api, app, ask, call, post
from tests.given import Given

__all__ = ["api", "app", "ask", "post"]

REFUSED = "... on UserError { code message }"
COMMENT = "id author badge text postedAt"
POST = f"""mutation ($input: PostCommentInput!) {{ postComment(input: $input) {{ __typename {REFUSED}
  ... on PostedRoomComment {{ state comment {{ {COMMENT} }} }} ... on MutedInRoom {{ until }} }} }}"""
READ = f"""query ($room: ID!, $before: String) {{ roomComments(roomId: $room, first: 2, before: $before) {{ __typename {REFUSED}
  ... on RoomCommentConnection {{ nodes {{ {COMMENT} }} pageInfo {{ hasNextPage endCursor }} }} }} }}"""
KEPT = "id viewerId author text state shown { text } removedAt removedBy removedWhy"
MODERATE = f"""query ($room: ID!, $state: RoomCommentState) {{
  roomCommentsToModerate(roomId: $room, state: $state) {{ nodes {{ {KEPT} }} }} }}"""
REMOVE = f"""mutation ($input: RemoveCommentInput!) {{ removeComment(input: $input) {{ {REFUSED}
  ... on ModeratedRoomComment {{ {KEPT} }} }} }}"""
SILENCE = "... on RoomSilence { viewerId name kind until reason imposedBy }"
MUTE = f"mutation ($input: MuteViewerInput!) {{ muteViewer(input: $input) {{ {REFUSED} {SILENCE} }} }}"
BAN = f"mutation ($input: BanViewerInput!) {{ banViewer(input: $input) {{ {REFUSED} {SILENCE} }} }}"
LIFTED = "... on LiftedRoomSilence { viewerId wasSilenced }"
UNMUTE = f"mutation ($input: RoomViewerInput!) {{ unmuteViewer(input: $input) {{ {REFUSED} {LIFTED} }} }}"
UNBAN = f"mutation ($input: RoomViewerInput!) {{ unbanViewer(input: $input) {{ {REFUSED} {LIFTED} }} }}"
SILENCES = "query ($room: ID!) { roomSilences(roomId: $room) { nodes { viewerId name kind until reason imposedBy } } }"
SET_WORDS = f"""mutation ($input: SetChatWordsInput!) {{ setChatWords(input: $input) {{ {REFUSED}
  ... on ChatWords {{ version masked withheld }} ... on ChatWordsChanged {{ now: version }} }} }}"""
WORDS = "{ chatWords { version masked withheld } }"
EXPORT = "query ($room: ID!) { exportRoomComments(roomId: $room) { url lines } }"


@pytest.fixture
def given(market, clean):
    """Builders at the machine's own time: over HTTP nobody hands a moment in."""
    return Given(market, now=clock.now())


@pytest.fixture
def say(ask):
    """`await say(room, viewer, text)`: what postComment answers."""

    async def say(room, by, text="好看", key=None):
        wish = {"roomId": encode("room", room.id), "text": text, "idempotencyKey": key or str(new_id())}
        return (await ask(POST, {"input": wish}, by=by.account_id)).data

    return say


def shown(account):
    return encode("account", account.account_id)


async def test_viewers_write_and_read_the_newest_first(given, ask, say):
    room, viewer = await given.live_room(), await given.viewer("林晚")
    of_room = {"room": encode("room", room.id)}

    first = await say(room, viewer, "一", key="comment-1")
    again = await say(room, viewer, "一", key="comment-1")
    await say(room, viewer, "二")
    await say(room, room.host, "三")
    page = (await ask(READ, of_room)).data
    rest = (await ask(READ, of_room | {"before": page["pageInfo"]["endCursor"]}, by=viewer.account_id)).data

    assert first == again
    assert (first["state"], first["comment"]["author"], first["comment"]["badge"]) == ("SHOWN", "林**", None)
    told = [(comment["author"], comment["badge"], comment["text"]) for comment in page["nodes"]]
    assert told == [("顾客", "HOST", "三"), ("林**", None, "二")]
    assert (page["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (True, False)
    assert rest["nodes"] == [first["comment"]]


async def test_what_cannot_be_written_is_said_why(given, ask, say):
    room, viewer = await given.live_room(is_live=False), await given.viewer()
    ghost = await ask(READ, {"room": encode("room", new_id())})

    too_early = await say(room, viewer)
    conflict = await say(await given.live_room(), viewer, "一", key="comment-1")
    wish = {"roomId": encode("room", room.id), "text": "字" * 201, "idempotencyKey": "comment-1"}
    too_long = await ask(POST, {"input": wish}, by=viewer.account_id)
    nobody = await ask(POST, {"input": wish | {"text": "字"}})

    assert ghost.data["code"] == "NOT_FOUND"
    assert (too_early["__typename"], too_early["code"]) == ("RoomNotOn", "ROOM_NOT_ON")
    assert conflict["state"] == "SHOWN"
    assert (too_long.codes, nobody.codes) == (["BAD_USER_INPUT"], ["UNAUTHENTICATED"])


async def test_whoever_writes_what_is_withheld_is_told_and_only_the_crew_reads_it(given, ask, say):
    room, viewer = await given.live_room(), await given.viewer("林晚")
    of_room = {"room": encode("room", room.id)}
    await given.words(mask=["傻瓜"], withhold=["加微信"])

    withheld, masked = await say(room, viewer, "加 微信"), await say(room, viewer, "傻瓜")
    read = (await ask(READ, of_room)).data["nodes"]
    kept = (await ask(MODERATE, of_room | {"state": "WITHHELD"}, by=room.host.account_id)).data["nodes"]
    refused = await ask(MODERATE, of_room, by=viewer.account_id)

    assert (withheld["state"], withheld["comment"]["text"]) == ("WITHHELD", "加 微信")
    assert (masked["state"], read) == ("MASKED", [masked["comment"]])
    [comment] = kept
    assert (comment["viewerId"], comment["author"], comment["shown"]) == (shown(viewer), "林晚", None)
    assert (comment["text"], comment["state"]) == ("加 微信", "WITHHELD")
    assert refused.codes == ["FORBIDDEN"]


async def test_the_crew_removes_mutes_and_bans_and_takes_it_back(given, ask, say):
    room, viewer = await given.live_room(), await given.viewer("林晚")
    host = {"by": room.host.account_id}
    comment = (await say(room, viewer))["comment"]["id"]
    of_comment = {"commentId": comment, "reason": "广告"}
    of_viewer = {"input": {"roomId": encode("room", room.id), "viewerId": shown(viewer)}}

    removed = (await ask(REMOVE, {"input": of_comment}, **host)).data
    muted = (await ask(MUTE, {"input": of_comment | {"minutes": 5}}, **host)).data
    quiet = await say(room, viewer)
    banned = (await ask(BAN, {"input": of_comment}, **host)).data
    out = await say(room, viewer)
    unread = (await ask(READ, {"room": encode("room", room.id)}, by=viewer.account_id)).data
    silences = (await ask(SILENCES, {"room": encode("room", room.id)}, **host)).data["nodes"]
    lifted = [(await ask(lift, of_viewer, **host)).data for lift in (UNMUTE, UNBAN, UNBAN)]
    back = await say(room, viewer)

    assert (removed["state"], removed["removedBy"], removed["removedWhy"]) == ("REMOVED", "顾客", "广告")
    assert (muted["viewerId"], muted["kind"], muted["name"], muted["imposedBy"]) == (
        shown(viewer),
        "MUTE",
        "林晚",
        "顾客",
    )
    assert (quiet["code"], quiet["until"]) == ("MUTED_IN_ROOM", muted["until"])
    assert (banned["kind"], banned["until"], out["code"], unread["code"]) == (
        "BAN",
        None,
        "BANNED_FROM_ROOM",
        "BANNED_FROM_ROOM",
    )
    assert silences == [banned, muted]
    assert [answer["wasSilenced"] for answer in lifted] == [True, True, False]
    assert back["state"] == "SHOWN"


async def test_nobody_else_moderates(given, ask, say):
    room, viewer = await given.live_room(), await given.viewer()
    comment = (await say(room, viewer))["comment"]["id"]
    of_comment = {"input": {"commentId": comment, "reason": "广告"}}
    of_viewer = {"input": {"roomId": encode("room", room.id), "viewerId": shown(viewer)}}
    wishes = [(REMOVE, of_comment), (MUTE, of_comment), (BAN, of_comment), (UNMUTE, of_viewer), (UNBAN, of_viewer)]

    for document, wish in [*wishes, (SILENCES, {"room": encode("room", room.id)})]:
        assert (await ask(document, wish, by=viewer.account_id)).codes == ["FORBIDDEN"]
        assert (await ask(document, wish)).codes == ["UNAUTHENTICATED"]
    assert (await ask(WORDS, by=room.host.account_id, roles=[Role.HOST])).codes == ["FORBIDDEN"]


async def test_merchandisers_set_the_words(given, ask):
    who = {"by": new_id(), "roles": [Role.MERCHANDISER]}
    wish = {"version": 0, "masked": ["傻瓜"], "withheld": ["加微信"]}

    before = (await ask(WORDS, **who)).data
    first = (await ask(SET_WORDS, {"input": wish}, **who)).data
    again = (await ask(SET_WORDS, {"input": wish}, **who)).data
    stale = (await ask(SET_WORDS, {"input": wish | {"masked": []}}, **who)).data
    wrong = await ask(SET_WORDS, {"input": wish | {"masked": ["！"]}}, **who)

    assert before == {"version": 0, "masked": [], "withheld": []}
    assert first == again == wish | {"version": 1} == (await ask(WORDS, **who)).data
    assert (stale["code"], stale["now"]) == ("CHAT_WORDS_CHANGED", 1)
    assert wrong.codes == ["BAD_USER_INPUT"]


async def test_the_comments_are_exported_by_staff_and_that_stands_in_the_trail(given, ask, app, db):
    room = await given.live_room()
    await given.comment(room.id, "=1+1")
    staff = {"by": new_id(), "roles": [Role.MERCHANDISER]}

    link = (await ask(EXPORT, {"room": encode("room", room.id)}, **staff)).data
    token = given.token(staff["by"], Role.MERCHANDISER, now=clock.now())
    headers = {"authorization": f"Bearer {token}"}
    file = await call(app, "GET", "/" + link["url"].split("/", 3)[3], headers=headers)
    refused = await ask(EXPORT, {"room": encode("room", room.id)}, by=room.host.account_id, roles=[Role.HOST])

    _, row = csv.reader(StringIO(file.body.decode("utf-8-sig")))
    assert file.status == 200
    assert file.headers["content-disposition"].startswith('attachment; filename="room-comments-')
    assert row[7] == "'=1+1"
    [deed] = (await trail.page(db, first=9, deed="fetch_export")).rows
    assert deed.facts == {"file": "room-comments", "narrowed_by": {"room_id": str(room.id)}}
    assert refused.codes == ["FORBIDDEN"]
