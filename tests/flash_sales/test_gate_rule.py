"""The gate's rule is stated twice, in Lua and in Python: the same claims must get the same answers from both."""

import random
from uuid import UUID

import pytest

from domain.flash_sales import gate as gates
from domain.flash_sales.rules import Claim, Lane

LANE = 7 << 8

# name, (free, per_shopper, places), claims as (shopper, request, quantity), answers as (kind, figure)
CASES = [
    ("one unit", (1, 1, 0), [("a", 1, 1), ("b", 1, 1)], [("queued", 1), ("soldout", 0)]),
    ("same request again", (5, 1, 0), [("a", 1, 1), ("a", 1, 1)], [("queued", 1), ("queued", 1)]),
    ("same request, other quantity", (5, 3, 0), [("a", 1, 1), ("a", 1, 2)], [("queued", 1), ("conflict", 0)]),
    ("other shopper, same request id", (5, 1, 0), [("a", 1, 1), ("b", 1, 1)], [("queued", 1), ("queued", 2)]),
    ("over the limit at once", (5, 2, 0), [("a", 1, 3)], [("limit", 0)]),
    ("over the limit in sum", (5, 2, 0), [("a", 1, 2), ("a", 2, 1)], [("queued", 1), ("limit", 2)]),
    ("too few left", (1, 2, 9), [("a", 1, 2), ("b", 1, 1)], [("short", 1), ("queued", 1)]),
    ("waiting line", (1, 1, 2), [("a", 1, 1), ("b", 1, 1), ("c", 1, 1), ("d", 1, 1)],
     [("queued", 1), ("waiting", 1), ("waiting", 2), ("soldout", 0)]),
    ("waiting counts against the limit", (0, 1, 5), [("a", 1, 1), ("a", 2, 1)], [("waiting", 1), ("limit", 1)]),
    ("nobody overtakes the line", (0, 2, 5), [("a", 1, 1), ("b", 1, 2), ("c", 1, 1)],
     [("waiting", 1), ("waiting", 2), ("waiting", 3)]),
]  # fmt: skip


async def open_lane(gate, free, per_shopper, places, is_open=True):
    await gates.cool(gate, lane=LANE)
    await gates.fill(
        gate, lane=LANE, epoch=1, is_open=is_open, ledger_free=free, per_shopper=per_shopper, places=places
    )


def named(claims):
    """Shopper and request as the gate takes them, a ticket for each."""
    return [
        Claim(f"{ord(shopper):032x}", f"request-{request}", UUID(int=LANE << 30 | number).hex, quantity)
        for number, (shopper, request, quantity) in enumerate(claims, 1)
    ]


async def answers_of_both(gate, lane, claims):
    in_lua = await gates.claim(
        gate, lane=LANE, epoch=1, now_ms=1, claims=[(c.shopper, c.request, c.ticket, c.quantity) for c in claims]
    )
    in_python = [lane.claim(claim) for claim in claims]
    return [(a.kind, a.figure, a.ticket_id.hex if a.ticket_id else "") for a in in_lua], in_python


@pytest.mark.parametrize(
    ("figures", "claims", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
async def test_lua_and_python_agree(gate, figures, claims, expected):
    await open_lane(gate, *figures)
    lane = Lane(*figures)

    in_lua, in_python = await answers_of_both(gate, lane, named(claims))

    assert [answer[:2] for answer in in_python] == expected
    assert in_lua == in_python


async def test_a_closed_gate_takes_no_claim_in_either(gate):
    await open_lane(gate, 5, 1, 0, is_open=False)

    in_lua, in_python = await answers_of_both(gate, Lane(5, 1, 0, is_open=False), named([("a", 1, 1)]))

    assert in_lua == in_python == [("closed", 0, "")]


@pytest.mark.parametrize("seed", range(20))
async def test_lua_and_python_agree_on_random_claims(gate, seed):
    chance = random.Random(seed)
    figures = chance.randint(0, 12), chance.randint(1, 4), chance.randint(0, 6)
    claims = [
        (chance.choice("abcdefgh"), chance.randint(1, 4), chance.randint(1, 3)) for _ in range(chance.randint(1, 60))
    ]
    await open_lane(gate, *figures)
    lane = Lane(*figures)

    in_lua, in_python = await answers_of_both(gate, lane, named(claims))

    found = await gates.figures(gate, lane=LANE)
    assert in_lua == in_python
    assert (found.free, found.waiting) == (lane.free, lane.waited - lane.served)


async def test_a_cold_gate_and_an_old_epoch_do_nothing(gate):
    claim = [("a" * 32, "request-1", UUID(int=1).hex, 1)]

    cold = await gates.claim(gate, lane=LANE, epoch=1, now_ms=1, claims=claim)
    await open_lane(gate, 1, 1, 0)
    stale = await gates.claim(gate, lane=LANE, epoch=2, now_ms=1, claims=claim)

    assert [cold[0].kind, stale[0].kind] == ["cold", "stale"]
    assert (await gates.figures(gate, lane=LANE)).free == 1


async def test_units_given_back_serve_the_waiting_line_in_order(gate):
    await open_lane(gate, 2, 1, 5)
    claims = named([("a", 1, 1), ("b", 1, 1), ("c", 1, 1), ("d", 1, 1)])
    await gates.claim(
        gate, lane=LANE, epoch=1, now_ms=1, claims=[(c.shopper, c.request, c.ticket, c.quantity) for c in claims]
    )

    given = [await gates.give_back(gate, lane=LANE, tickets={UUID(claims[0].ticket): 1}) for _ in range(3)]

    queued = await gates.queue(gate, lane=LANE, limit=10)
    last = await gates.standing(gate, ticket_id=UUID(claims[3].ticket))
    assert given == [1, 0, 0]
    assert [entry.ticket_id.hex for entry in queued] == [claims[i].ticket for i in (0, 1, 2)]
    assert (last.state, last.position) == ("waiting", 1)


async def test_a_claim_repeated_after_the_line_was_served_tells_the_new_place(gate):
    await open_lane(gate, 1, 1, 5)
    a, b = named([("a", 1, 1), ("b", 1, 1)])
    as_arguments = [(c.shopper, c.request, c.ticket, c.quantity) for c in (a, b)]
    await gates.claim(gate, lane=LANE, epoch=1, now_ms=1, claims=as_arguments)
    await gates.give_back(gate, lane=LANE, tickets={UUID(a.ticket): 1})

    again = await gates.claim(gate, lane=LANE, epoch=1, now_ms=2, claims=as_arguments[1:])

    assert (again[0].kind, again[0].ticket_id) == ("queued", UUID(b.ticket))
