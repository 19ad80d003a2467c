"""Figures over HTTP: what is shown of a night is what the rows say, to those whom it concerns."""

from datetime import timedelta

from domain.accounts.rules import Role
from domain.foundation.ids import encode, new_id
from domain.insights import leaderboards, room_figures
from tests.api.conftest import api, app, ask, post
from tests.insights.night import a_night

__all__ = ["api", "app", "ask", "post"]

SOLD = "gmv { minor } refunded { minor } net { minor } orders buyers units averageOrder { minor }"
FIGURES = f"""query ($room: ID!, $first: Int! = 100) {{ roomFigures(roomId: $room) {{
  __typename ... on UserError {{ code }} ... on RoomFigures {{
    sold {{ {SOLD} }} conversion distinctViewers peakViewers likes comments broughtViewers
    channels {{ channel sold {{ {SOLD} }} }}
    items {{ item {{ id }} orders units gmv {{ minor }} onAirUnits onAirGmv {{ minor }} onAirSeconds }}
    guides(first: $first) {{ accountId name opened viewers orders gmv {{ minor }} refunded {{ minor }} net {{ minor }} }}
    curve {{ at viewers distinctViewers likes buying }}
  }} }} }}"""
BOARDS = f"""query ($from: DateTime!, $to: DateTime!) {{
  hostLeaderboard(from: $from, to: $to) {{ accountId name rooms sold {{ {SOLD} }} }}
  guideLeaderboard(from: $from, to: $to, first: 300) {{ accountId rooms sold {{ gmv {{ minor }} }} }} }}"""


def shown(sold):
    """What is shown of it."""
    return {
        "gmv": {"minor": sold.gmv_minor},
        "refunded": {"minor": sold.refunded_minor},
        "net": {"minor": sold.net_minor},
        "orders": sold.orders,
        "buyers": sold.buyers,
        "units": sold.units,
        "averageOrder": {"minor": sold.average_minor},
    }


async def test_the_crew_is_shown_what_the_rows_say(ask, db, given, now):
    night = await a_night(given, seed=7, orders=25)
    host = night.room.host.account_id
    room = {"room": encode("room", night.room.id)}

    answer = (await ask(FIGURES, room, by=host)).data
    found = await room_figures.figures(db, night.room.id, now=now)

    assert answer["sold"] == shown(found.sold)
    assert [(one["channel"], one["sold"]) for one in answer["channels"]] == [
        (one.channel.upper(), shown(one.sold)) for one in found.channels
    ]
    assert [(one["item"] and one["item"]["id"], one["units"], one["onAirGmv"]["minor"]) for one in answer["items"]] == [
        (one.item_id and encode("roomitem", one.item_id), one.units, one.on_air_gmv_minor) for one in found.items
    ]
    assert [(one["accountId"], one["viewers"], one["net"]["minor"]) for one in answer["guides"]] == [
        (encode("account", one.sharer_id), one.viewers, one.net_minor) for one in found.guides
    ]
    assert (answer["conversion"], answer["broughtViewers"]) == (found.conversion, found.brought)
    assert len((await ask(FIGURES, room | {"first": 2}, by=host)).data["guides"]) == 2
    assert (await ask(FIGURES, room | {"first": 301}, by=host)).codes == ["BAD_USER_INPUT"]


async def test_leaderboards_are_for_staff(ask, db, given, now):
    night = await a_night(given, seed=8, orders=25)
    within = {"from": now.isoformat(), "to": (now + timedelta(hours=4)).isoformat()}
    hosts = await leaderboards.hosts(db, starts_at=now, ends_at=now + timedelta(hours=4), first=300)

    answer = (await ask(BOARDS, within, by=await given.shopper(), roles=[Role.FINANCE])).json["data"]
    refused = await ask(BOARDS, within, by=night.room.host.account_id, roles=[Role.HOST])

    assert [(one["accountId"], one["name"], one["sold"]) for one in answer["hostLeaderboard"]] == [
        (encode("account", one.account_id), one.name, shown(one.sold)) for one in hosts
    ]
    assert set(refused.codes) == {"FORBIDDEN"}


async def test_strangers_learn_nothing_of_a_room(ask, given):
    room = await given.live_room()
    asked = {"room": encode("room", room.id)}

    assert (await ask(FIGURES, asked)).codes == ["UNAUTHENTICATED"]
    assert (await ask(FIGURES, asked, by=await given.shopper(), roles=[Role.HOST])).codes == ["FORBIDDEN"]
    nowhere = await ask(FIGURES, {"room": encode("room", new_id())}, by=room.host.account_id)
    assert nowhere.data == {"__typename": "NotFound", "code": "NOT_FOUND"}
