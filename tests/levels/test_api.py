"""Levels as clients meet them: one's own, the ladder, and what staff see and set."""

from datetime import UTC, datetime

import pytest

from domain.accounts.rules import Role
from domain.foundation.ids import encode
from domain.levels.rules import NewLadder, Rung
from tests.given.levels import NO_FREIGHT
from tests.statements import count_statements

LEVEL = "rank title threshold benefits { kind freeFrom { minor } }"
STANDING = f"level {{ {LEVEL} }} growth next {{ rank title }} missing guaranteedUntil expiring {{ growth expiresAt }}"
MINE = f"{{ myLevel {{ {STANDING} }} }}"
OF = f"query ($id: ID!) {{ levelOf(accountId: $id) {{ {STANDING} }} }}"
LADDER = f"{{ levelLadder {{ version growthPerYuan countingMonths guaranteeMonths levels {{ {LEVEL} }} }} }}"
SET = f"""mutation ($input: SetLevelLadderInput!) {{ setLevelLadder(input: $input) {{
    __typename ... on LevelLadder {{ version levels {{ {LEVEL} }} }} ... on UserError {{ code message }} }} }}"""
HISTORY = """query ($id: ID!, $first: Int!, $after: String) { levelHistory(accountId: $id, first: $first, after: $after) {
    nodes { fromRank toRank reason growth threshold ladderVersion guaranteedUntil } pageInfo { endCursor hasNextPage } } }"""
COUNTS = "{ levelCounts { ladderVersion peopleToMove levels { level { title } people } } }"
TWO = [
    {"title": "新客", "threshold": 0},
    {"title": "熟客", "threshold": 100, "benefits": [{"kind": "FREE_DELIVERY", "fromMinor": 0}]},
]


@pytest.fixture
async def merchandiser(given):
    return {"by": await given.shopper(), "roles": [Role.MERCHANDISER]}


async def test_the_first_ladder_is_everybodys_to_read(ask):
    ladder = (await ask(LADDER)).data

    assert (ladder["version"], ladder["growthPerYuan"], ladder["countingMonths"]) == (0, 1, 12)
    assert [level["threshold"] for level in ladder["levels"]] == [0, 1_000, 5_000, 20_000, 50_000]


async def test_one_reads_where_one_stands_and_what_comes_next(ask, given):
    given.now = datetime.now(UTC)
    await given.level_ladder()
    shopper, newcomer = await given.shopper(), await given.shopper()
    await given.spent(shopper, 130)

    mine = (await ask(MINE, by=shopper)).data
    nothing = (await ask(MINE, by=newcomer)).data

    free = {"kind": "FREE_DELIVERY", "freeFrom": {"minor": 0}}
    assert mine["level"] == {"rank": 2, "title": "熟客", "threshold": 100, "benefits": [free]}
    assert (mine["growth"], mine["next"], mine["missing"]) == (130, {"rank": 3, "title": "贵客"}, 370)
    assert mine["expiring"] == [{"growth": 130, "expiresAt": mine["guaranteedUntil"]}]
    assert nothing["level"]["title"] == "新客"
    assert (nothing["growth"], nothing["missing"], nothing["guaranteedUntil"], nothing["expiring"]) == (
        0,
        100,
        None,
        [],
    )


async def test_staff_see_levels_histories_and_counts(ask, given, merchandiser):
    given.now = datetime.now(UTC)
    await given.level_ladder()
    shopper = await given.shopper()
    for yuan in (100, 400):
        await given.spent(shopper, yuan)
    await given.level_ladder(NewLadder((Rung("新客", 0), Rung("熟客", 100, (NO_FREIGHT,)))))
    asked = {"id": encode("account", shopper), "first": 1}

    newest = (await ask(HISTORY, asked, **merchandiser)).data
    older = (await ask(HISTORY, {**asked, "after": newest["pageInfo"]["endCursor"]}, **merchandiser)).data

    assert (await ask(OF, {"id": asked["id"]}, **merchandiser)).data["level"]["title"] == "贵客"
    assert (newest["nodes"][0]["toRank"], newest["nodes"][0]["reason"], newest["nodes"][0]["growth"]) == (
        3,
        "REACHED",
        500,
    )
    assert (older["nodes"][0]["toRank"], older["pageInfo"]["hasNextPage"]) == (2, False)
    assert (await ask(COUNTS, **merchandiser)).data == {
        "ladderVersion": 2,
        "peopleToMove": 1,
        "levels": [{"level": {"title": "新客"}, "people": 0}, {"level": {"title": "熟客"}, "people": 0}],
    }


async def test_a_ladder_is_set_once_and_an_old_version_is_refused(ask, given, merchandiser):
    wish = {"version": 0, "levels": TWO}

    made = (await ask(SET, {"input": wish}, **merchandiser)).data
    again = (await ask(SET, {"input": wish}, **merchandiser)).data
    refused = (
        await ask(SET, {"input": {**wish, "levels": [*TWO, {"title": "贵客", "threshold": 500}]}}, **merchandiser)
    ).data

    assert made["version"] == 1
    assert made["levels"][1]["benefits"] == [{"kind": "FREE_DELIVERY", "freeFrom": {"minor": 0}}]
    assert again == made
    assert refused == {
        "__typename": "LevelLadderChanged",
        "code": "LEVEL_LADDER_CHANGED",
        "message": "等级阶梯已被他人修改，请刷新后重试",
    }


@pytest.mark.parametrize(
    ("levels", "words"),
    [
        (TWO[:1], "levels: 1; allowed: 2 to 10"),
        ([{"title": "新客", "threshold": 0}] * 12, "levels: 11; allowed: 2 to 10"),
        ([TWO[0], {**TWO[1], "benefits": [{"kind": "FREE_DELIVERY"}]}], "from_minor"),
    ],
)
async def test_a_ladder_that_cannot_be_names_what_is_allowed(ask, merchandiser, levels, words):
    answer = await ask(SET, {"input": {"version": 0, "levels": levels}}, **merchandiser)

    assert answer.codes == ["BAD_USER_INPUT"]
    assert words in answer.json["errors"][0]["message"]
    assert (await ask(LADDER)).data["version"] == 0


async def test_ones_level_costs_three_statements(ask, given, api):
    given.now = datetime.now(UTC)
    shopper = await given.shopper()
    await given.spent(shopper, 1_500)

    with count_statements(api.market.db) as sent:
        await ask(MINE, by=shopper)

    assert len([each for each in sent if "level" in each or "growth" in each]) == 3
