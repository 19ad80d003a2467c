"""What the tables of draws refuse, whoever writes SQL: all that was published, made, drawn or handed over stays."""

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from domain.draws.rules import DrawState
from domain.draws.tables import draws, entries, prizes
from tests.audit import assert_clean
from tests.draws.looking import hand_over, won_in

OTHERS = [
    "UPDATE lucky_draws SET title = '别的'",
    "UPDATE lucky_draws SET closes_at = closes_at + interval '1 minute'",
    "UPDATE lucky_draws SET prizes_until = prizes_until - interval '1 day'",
    "UPDATE lucky_draws SET open_to = 'buyers'",
    "UPDATE lucky_draws SET pieces = 2",
    "UPDATE lucky_draws SET commitment = sha256('another')",
    "UPDATE lucky_draws SET sealed_seed = sealed_seed || 'x'",
    "UPDATE lucky_draws SET entrants = 2, digest = sha256('fewer')",
    "UPDATE lucky_draws SET digest = sha256('others')",
    "UPDATE lucky_draws SET entrants = 4",
    "DELETE FROM lucky_draws",
    "UPDATE lucky_draw_prizes SET value_minor = 1",
    "DELETE FROM lucky_draw_prizes",
    "INSERT INTO lucky_draw_prizes SELECT draw_id, 3, '空奖', 1, 1 FROM lucky_draw_prizes LIMIT 1",
    "UPDATE lucky_draw_entries SET shopper_id = (SELECT shopper_id FROM lucky_draw_entries LIMIT 1)",
    "UPDATE lucky_draw_entries SET id = gen_random_uuid()",
    "DELETE FROM lucky_draw_entries WHERE number = 3",
]
WHILE_OPEN = [
    *OTHERS,
    "UPDATE lucky_draws SET state = 'drawn', seed = sha256('a seed'), drawn_at = closes_at",
    "UPDATE lucky_draws SET state = 'called_off', called_off_at = now(), reason = 'x', entrants = 4, digest = sha256('x')",
]
ONCE_DRAWN = [
    *OTHERS,
    "UPDATE lucky_draws SET drawn_at = drawn_at + interval '1 second'",
    "UPDATE lucky_draws SET state = 'open', seed = NULL, drawn_at = NULL",
    "INSERT INTO lucky_draw_entries SELECT draw_id, 5, gen_random_uuid(), :stranger, now() FROM lucky_draw_entries LIMIT 1",
    "UPDATE lucky_draw_winners SET shopper_id = :stranger",
    "UPDATE lucky_draw_winners SET code = '0000000000'",
    "UPDATE lucky_draw_winners SET prize = 2",
    "DELETE FROM lucky_draw_winners",
    "INSERT INTO lucky_draw_winners SELECT gen_random_uuid(), draw.id, 9, number, shopper_id, 2, store_id, '1' FROM lucky_draws"
    " AS draw JOIN lucky_draw_entries ON draw_id = draw.id WHERE number NOT IN (SELECT number FROM lucky_draw_winners)",
]
ONCE_HANDED_OVER = [
    "UPDATE lucky_draw_winners SET handed_over_at = NULL, handed_over_by = NULL",
    "UPDATE lucky_draw_winners SET handed_over_at = now()",
]


async def refused_by_the_tables(given, statements, subtests):
    asked = {"stranger": await given.shopper()}
    for statement in statements:
        with (
            subtests.test(statement),
            pytest.raises(DBAPIError, match=r"published|does not go on|append-only|is over|lucky_draws_seed_check"),
        ):
            async with given.db.transaction() as tx:
                found = text(statement)
                await tx.execute(found, {name: asked[name] for name in found._bindparams})


async def test_sql_changes_nothing_that_was_published(given, subtests):
    draw = await given.lucky_draw(entrants=3)
    before = [await given.db.rows(select(table)) for table in (draws, prizes, entries)]

    await refused_by_the_tables(given, WHILE_OPEN, subtests)

    assert [await given.db.rows(select(table)) for table in (draws, prizes, entries)] == before
    assert (await given.drawn(draw)).state is DrawState.DRAWN


async def test_sql_changes_nothing_that_was_drawn_or_handed_over(given, subtests):
    shoppers = await given.shoppers(4)
    draw = await given.lucky_draw()
    await given.entered(draw, shoppers)
    drawn = await given.drawn(draw)

    await refused_by_the_tables(given, ONCE_DRAWN, subtests)
    for won in await won_in(given, draw, shoppers):
        await hand_over(given, won)
    await refused_by_the_tables(given, ONCE_HANDED_OVER, subtests)

    assert await given.draw_again(draw.id) == drawn
    await assert_clean(given.market)
