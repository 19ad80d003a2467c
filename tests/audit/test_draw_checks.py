"""The checks of draws: clean after an evening of draws, and then exactly one thing is wrong."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest

from domain.audit import draws, running
from domain.draws import actions, handing_over, queries
from domain.draws.rules import Draw, Won
from domain.foundation.ids import encode, new_id
from tests.audit import assert_clean
from tests.audit.corrupting import Corruption, check_found, found_after


@dataclass(frozen=True)
class Scene:
    """Draws of every fate; of the drawn one, a prize that was handed over and one that was not."""

    drawn: Draw
    open: Draw
    called_off: Draw
    handed: Won
    waiting: Won


@pytest.fixture
async def scene(given) -> Scene:
    """What there is."""
    room, shoppers = await given.live_room(), await given.shoppers(6)
    drawn, open_one, off = [await given.lucky_draw(room) for _ in range(3)]
    for draw in (drawn, open_one, off):
        await given.entered(draw, shoppers)
    drawn = await given.drawn(drawn)
    calling = {"draw_id": off.id, "reason": "奖品破损", "by": room.host, "now": given.now}
    off = await actions.call_off(given.db, given.bus, **calling)
    found = [await queries.own_prizes(given.db, shopper_id, [drawn.id]) for shopper_id in shoppers]
    won = sorted((prize[drawn.id] for prize in found if prize), key=lambda prize: prize.rank)
    at_the_counter = {"store_id": won[0].store_id, "by": new_id(), "now": given.now}
    handed = await handing_over.hand_over(given.db, code=won[0].code, idempotency_key="counter-1", **at_the_counter)
    return Scene(drawn, await given.draw_again(open_one.id), off, handed, won[1])


def names_of(scene: Scene) -> dict[str, UUID]:
    return {
        "drawn": scene.drawn.id,
        "opened": scene.open.id,
        "off": scene.called_off.id,
        "handed": scene.handed.id,
        "waiting": scene.waiting.id,
    }


def draw(*names: str) -> Callable[[Scene], set[str]]:
    return lambda scene: {encode("luckydraw", getattr(scene, name).id) for name in names}


def prize(*names: str) -> Callable[[Scene], set[str]]:
    return lambda scene: {encode("prize", getattr(scene, name).id) for name in names}


UNCHECKED_SEED = "ALTER TABLE lucky_draws DROP CONSTRAINT lucky_draws_seed_check; "
OTHER_ENTRIES = "ALTER TABLE lucky_draw_entries DROP CONSTRAINT lucky_draw_entries_draw_id_shopper_id_key; "
CORRUPTIONS = [
    Corruption(
        "a commitment exchanged after the drawing",
        UNCHECKED_SEED + "UPDATE lucky_draws SET commitment = sha256('another') WHERE id = :drawn",
        (draws.SEEDS, draws.ENTRIES),
        draw("drawn"),
    ),
    Corruption(
        "a seed that was not the one committed to",
        UNCHECKED_SEED + "UPDATE lucky_draws SET seed = sha256('another'), digest = digest WHERE id = :drawn",
        (draws.SEEDS, draws.WINNERS),
        draw("drawn"),
    ),
    Corruption(
        "an entry torn out",
        "DELETE FROM lucky_draw_entries WHERE draw_id = :opened AND number = 3",
        (draws.ENTRIES,),
        draw("open"),
    ),
    Corruption(
        "an entry exchanged for a luckier one",
        "UPDATE lucky_draw_entries SET id = :stranger WHERE draw_id = :off AND number = 6",
        (draws.ENTRIES,),
        draw("called_off"),
    ),
    Corruption(
        "an entry added that nobody counted",
        """INSERT INTO lucky_draw_entries SELECT draw_id, 7, :stranger, :stranger, entered_at FROM lucky_draw_entries
           WHERE draw_id = :opened AND number = 1""",
        (draws.ENTRIES,),
        draw("open"),
    ),
    Corruption(
        "a count that is not that of the entries",
        "UPDATE lucky_draws SET entrants = 5 WHERE id = :opened",
        (draws.ENTRIES,),
        draw("open"),
    ),
    Corruption(
        "a prize given to somebody else",
        "UPDATE lucky_draw_winners SET shopper_id = :stranger WHERE id = :waiting",
        (draws.WINNERS,),
        draw("drawn"),
    ),
    Corruption(
        "a winner who was not drawn",
        """UPDATE lucky_draw_winners SET number = (SELECT min(number) FROM lucky_draw_entries WHERE draw_id = :drawn
           AND number NOT IN (SELECT number FROM lucky_draw_winners)) WHERE id = :waiting""",
        (draws.WINNERS,),
        draw("drawn"),
    ),
    Corruption(
        "a winner struck out",
        "DELETE FROM lucky_draw_winners WHERE id = :waiting",
        (draws.WINNERS,),
        draw("drawn"),
    ),
    Corruption(
        "a piece more than was promised",
        """INSERT INTO lucky_draw_winners SELECT :stranger, draw_id, 4, 99, :stranger, 1, store_id, 'x' FROM lucky_draw_winners
           WHERE id = :waiting""",
        (draws.WINNERS, draws.PIECES),
        draw("drawn"),
    ),
    Corruption(
        "a person who has won twice",
        """ALTER TABLE lucky_draw_winners DROP CONSTRAINT lucky_draw_winners_draw_id_shopper_id_key;
           UPDATE lucky_draw_winners SET shopper_id = (SELECT shopper_id FROM lucky_draw_winners WHERE id = :handed)
           WHERE id = :waiting""",
        (draws.WINNERS, draws.PIECES),
        draw("drawn"),
    ),
    Corruption(
        "a winner of a draw that is open",
        """INSERT INTO lucky_draw_winners SELECT :stranger, draw_id, 1, 1, shopper_id, 1, :stranger, 'x' FROM lucky_draw_entries
           WHERE draw_id = :opened AND number = 1""",
        (draws.WINNERS, draws.PIECES),
        draw("open"),
    ),
    Corruption(
        "prizes changed after they were published",
        "UPDATE lucky_draw_prizes SET pieces = 3 WHERE draw_id = :opened AND position = 2",
        (draws.PIECES,),
        draw("open"),
    ),
    Corruption(
        "a prize that nobody has handed over",
        "UPDATE lucky_draw_winners SET handed_over_at = now(), handed_over_by = :stranger WHERE id = :waiting",
        (draws.HANDED_OVER,),
        prize("waiting"),
    ),
    Corruption(
        "a prize handed over twice",
        """INSERT INTO staff_deeds ("by", deed, subject, subject_id, facts, done_at)
           SELECT "by", deed, subject, subject_id, facts, done_at FROM staff_deeds WHERE subject_id = :handed""",
        (draws.HANDED_OVER,),
        prize("handed"),
    ),
    Corruption(
        "a prize handed over and forgotten",
        "UPDATE lucky_draw_winners SET handed_over_at = NULL, handed_over_by = NULL WHERE id = :handed",
        (draws.HANDED_OVER,),
        prize("handed"),
    ),
    Corruption(
        "a prize handed over when its time was over",
        "UPDATE lucky_draw_winners SET handed_over_at = handed_over_at + interval '90 days' WHERE id = :handed",
        (draws.HANDED_OVER,),
        prize("handed"),
    ),
]


async def test_exactly_what_was_corrupted_is_found(scene, db, market, now, subtests):
    await assert_clean(market)

    for corruption in CORRUPTIONS:
        with subtests.test(corruption.what):
            lines = await found_after(db, corruption.sql, names_of(scene), now=now)
            check_found(lines, corruption, scene)


async def test_draws_leave_clean_books(scene, market):
    said = {line.check: line.subject for line in await assert_clean(market)}

    assert said[draws.SEEDS.name] == "3 draws, 1 drawn, 1 called off"
    assert said[draws.ENTRIES.name] == "18 entries, 6 shoppers"
    assert said[draws.WINNERS.name] == "3 winners"
    assert said[draws.PIECES.name] == "9 pieces, 3 won, ¥1,016.40"
    assert said[draws.HANDED_OVER.name] == "3 prizes won, 1 handed over"


async def test_a_draw_that_nobody_draws_is_told_and_is_no_difference(given, scene, db):
    late = scene.open.draw_by + timedelta(minutes=2)
    async with running.snapshot(db) as reader:
        lines = await running.of_ledger(reader, now=late)

    assert next(line.found for line in lines if line.check == draws.OVERDUE.name) == "1 draw"
    assert all(line.ok is not False for line in lines)
