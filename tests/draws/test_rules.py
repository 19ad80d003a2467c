"""What can be promised, who may enter, and when; a draw is fair, and drawn by what is published."""

import hashlib
import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from domain.chats.rules import BannedFromRoom
from domain.draws import drawing, rules
from domain.draws.rules import (
    CrewDoesNotEnter,
    Draw,
    DrawState,
    LuckyDrawClosed,
    LuckyDrawOver,
    LuckyDrawStillOpen,
    NewDraw,
    NotYourOwnPrize,
    OnlyForBuyers,
    OpenTo,
    Prize,
    PrizeHandedOver,
    PrizeLapsed,
    Standing,
    Won,
    WonState,
)
from domain.foundation.errors import BadInput

ID = UUID(int=1)
DAY = timedelta(days=1)
PRIZES = (Prize("空气炸锅", 29_900, 1), Prize("优惠礼包", 1_990, 2))


@pytest.fixture
def wish(now):
    closes_at = now + timedelta(minutes=5)
    return NewDraw(ID, "整点抽奖", OpenTo.EVERYBODY, PRIZES, closes_at, ID, closes_at + 7 * DAY)


@pytest.fixture
def draw(now):
    closes_at = now + timedelta(minutes=5)
    moments = (now, closes_at, closes_at + rules.DRAWN_WITHIN, closes_at + 7 * DAY)
    return Draw(ID, ID, "整点抽奖", OpenTo.EVERYBODY, PRIZES, ID, *moments, b"", DrawState.OPEN, 0, b"")


@pytest.mark.parametrize(
    ("about", "is_possible"),
    [
        ({"title": "抽" * 60}, True),
        ({"title": "抽" * 61}, False),
        ({"title": " "}, False),
        ({"title": "a\0b"}, False),
        ({"prizes": ()}, False),
        ({"prizes": (Prize("x", 1, 1),) * 20}, True),
        ({"prizes": (Prize("x", 1, 1),) * 21}, False),
        ({"prizes": (Prize("x", 5_000_000, 1),)}, True),
        ({"prizes": (Prize("x", 5_000_001, 1),)}, False),
        ({"prizes": (Prize("x", 0, 1),)}, False),
        ({"prizes": (Prize("x", 1, 0),)}, False),
        ({"prizes": (Prize("x", 1, 999), Prize("y", 1, 1))}, True),
        ({"prizes": (Prize("x", 1, 999), Prize("y", 1, 2))}, False),
        ({"prizes": (Prize(" ", 1, 1),)}, False),
        ({"prizes": (Prize("\0", 1, 1),)}, False),
        ({"prizes": (Prize("x" * 61, 1, 1),)}, False),
    ],
)
def test_what_can_be_promised(wish, now, about, is_possible):
    if is_possible:
        rules.check_draw(replace(wish, **about), now=now)
    else:
        with pytest.raises(BadInput):
            rules.check_draw(replace(wish, **about), now=now)


@pytest.mark.parametrize(
    ("closes_in", "days", "is_possible"),
    [
        (timedelta(seconds=10), 1, True),
        (timedelta(seconds=9.9), 1, False),
        (timedelta(hours=24), 90, True),
        (timedelta(hours=24, seconds=1), 90, False),
        (timedelta(hours=1), 0.99, False),
        (timedelta(hours=1), 90.01, False),
    ],
)
def test_when_it_closes_and_until_when_prizes_wait(wish, now, closes_in, days, is_possible):
    closes_at = now + closes_in
    asked = replace(wish, closes_at=closes_at, prizes_until=closes_at + days * DAY)

    if is_possible:
        rules.check_draw(asked, now=now)
    else:
        with pytest.raises(BadInput):
            rules.check_draw(asked, now=now)


@pytest.mark.parametrize(
    ("open_to", "is_crew", "is_banned", "has_paid", "why"),
    [
        (OpenTo.EVERYBODY, False, False, False, None),
        (OpenTo.EVERYBODY, True, False, True, CrewDoesNotEnter),
        (OpenTo.EVERYBODY, False, True, False, BannedFromRoom),
        (OpenTo.BUYERS, False, False, True, None),
        (OpenTo.BUYERS, False, False, False, OnlyForBuyers),
        (OpenTo.BUYERS, True, False, True, CrewDoesNotEnter),
        (OpenTo.BUYERS, False, True, True, BannedFromRoom),
    ],
)
def test_who_may_enter(draw, now, open_to, is_crew, is_banned, has_paid, why):
    refused = rules.why_not(replace(draw, open_to=open_to), Standing(None, is_crew, is_banned, has_paid), now=now)

    assert type(refused) is (why or type(None))


def test_nobody_enters_at_the_closing_moment_or_once_it_is_called_off(draw, now):
    anybody, off = Standing(None, False, False, False), replace(draw, state=DrawState.CALLED_OFF, called_off_at=now)

    assert rules.why_not(draw, anybody, now=draw.closes_at - timedelta(microseconds=1)) is None
    assert rules.why_not(draw, anybody, now=draw.closes_at) == LuckyDrawClosed(closed_at=draw.closes_at)
    assert rules.why_not(off, anybody, now=now) == LuckyDrawClosed(closed_at=now)


def test_it_is_drawn_from_its_closing_moment_on_and_once(draw):
    rules.check_due(draw, now=draw.closes_at)
    with pytest.raises(LuckyDrawStillOpen):
        rules.check_due(draw, now=draw.closes_at - timedelta(microseconds=1))
    for state in (DrawState.DRAWN, DrawState.CALLED_OFF):
        with pytest.raises(LuckyDrawOver):
            rules.check_due(replace(draw, state=state), now=draw.closes_at)


def test_a_prize_is_collected_once_in_time_and_not_from_oneself(now):
    won = Won(ID, ID, "整点抽奖", UUID(int=2), 1, 1, PRIZES[0], ID, "0123456789", now, now + DAY)
    mine, theirs = {"by": UUID(int=2)}, {"by": UUID(int=3)}

    rules.check_collectable(won, **theirs, now=now + DAY - timedelta(microseconds=1))
    with pytest.raises(PrizeLapsed):
        rules.check_collectable(won, **theirs, now=now + DAY)
    with pytest.raises(NotYourOwnPrize):
        rules.check_collectable(won, **mine, now=now)
    with pytest.raises(PrizeHandedOver):
        rules.check_collectable(replace(won, handed_over_at=now), **theirs, now=now)
    assert [won.state(moment) for moment in (now, now + DAY)] == [WonState.TO_COLLECT, WonState.LAPSED]


def test_the_chance_is_pieces_to_entrants_and_never_more_than_one(draw):
    chances = [replace(draw, entrants=entrants).chance for entrants in (0, 1, 3, 12)]

    assert chances == [None, 1.0, 1.0, 0.25]


def ids(count, seed=0):
    """So many entries, the same again for the same seed."""
    dice = random.Random(seed)
    return [UUID(bytes=dice.randbytes(16)) for _ in range(count)]


def test_winners_are_what_the_published_words_say():
    seed, entries = bytes(range(32)), ids(7)
    digest = hashlib.sha256(seed).digest()
    for entry in entries:
        digest = hashlib.sha256(digest + entry.bytes).digest()
    scored = sorted((hashlib.sha256(seed + digest + entry.bytes).hexdigest(), entry) for entry in entries)

    numbers = drawing.winning_numbers(
        seed, drawing.digest_after(drawing.commitment_of(seed), entries), entries, pieces=3
    )

    assert [entries[number - 1] for number in numbers] == [entry for _, entry in scored[:3]]
    assert numbers == [1, 3, 4]  # and for ever
    assert drawing.winning_numbers(seed, digest, entries, pieces=9) == [entries.index(entry) + 1 for _, entry in scored]
    assert drawing.winning_numbers(seed, digest, [], pieces=3) == []


def test_one_entry_more_or_another_order_is_another_digest_and_another_draw():
    seed, entries = bytes(32), ids(50)

    digests = {
        drawing.digest_after(b"", list_of)
        for list_of in (entries, entries[:-1], [*entries, ID], [entries[1], entries[0], *entries[2:]])
    }
    outcomes = {tuple(drawing.winning_numbers(seed, digest, entries, pieces=5)) for digest in digests}

    assert len(digests) == len(outcomes) == 4


def test_all_pieces_of_a_prize_are_drawn_before_those_of_the_next():
    assert list(drawing.pieces_in_order(PRIZES)) == [1, 2, 2]


def test_over_many_seeds_every_entry_wins_as_often_as_every_other():
    entries, pieces, draws = ids(40), 4, 10_000
    wins, firsts = Counter(), Counter()
    for number in range(draws):
        seed = hashlib.sha256(b"seed %d" % number).digest()
        won = drawing.winning_numbers(seed, bytes(32), entries, pieces)
        wins.update(won)
        firsts[won[0]] += 1

    def chi_square(counts, expected):
        return sum((counts[number] - expected) ** 2 / expected for number in range(1, 41))

    # 39 degrees of freedom: 72.1 is passed once in a thousand; without replacement the first statistic is a tenth smaller
    assert chi_square(wins, draws * pieces / 40) < 72.1
    assert chi_square(firsts, draws / 40) < 72.1
    assert sum(wins.values()) == draws * pieces
