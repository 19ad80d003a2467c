"""What a search finds. One table of cases, run through PostgreSQL: the literals are only as good as it reads them."""

import random
import re

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from sqlalchemy import text

from domain.foundation.database import Database
from domain.products import words

FOUND = [
    # Chinese: any neighbours, a part of a word, one character anywhere
    ("轻奢纯棉刺绣水洗四件套", "水洗"),
    ("轻奢纯棉刺绣水洗四件套", "水洗四件套"),
    ("轻奢纯棉刺绣水洗四件套", "轻"),
    ("轻奢纯棉刺绣水洗四件套", "洗"),
    ("轻奢纯棉刺绣水洗四件套", "套"),
    ("轻奢纯棉刺绣水洗四件套", "四件套 纯棉"),
    ("全棉 四件套", "全棉四件套"),
    ("全棉四件套", "全棉 四件套"),
    ("哈哈哈", "哈哈"),
    ("阿满家的追剧瓜子, 一把嗑", "瓜子，一把"),
    # letters and digits, whole, in any case and width; the last one unfinished
    ("Ocean Blue Shirt", "blue shirt"),
    ("Ocean Blue Shirt", "OCEAN"),
    ("Ocean Blue Shirt", "ocean bl"),
    ("Ｔ恤 男", "t恤"),
    ("T恤 男", "Ｔ恤"),
    ("保温杯５００ｍｌ", "500ml"),
    ("保温杯 500ML", "保温杯500"),
    ("iPhone15手机壳", "iphone 15"),
    ("iPhone 15 手机壳", "iphone15手机壳"),
    ("iPhone15手机壳", "手机壳 iphone15"),
    ("café crème", "Café"),
    # other writing without spaces
    ("ふわふわタオル", "タオル"),
    ("떡볶이 밀키트", "떡볶"),
]
NOT_FOUND = [
    ("轻奢纯棉刺绣水洗四件套", "四件棉"),
    ("轻奢纯棉刺绣水洗四件套", "洗水"),
    ("轻奢纯棉刺绣水洗四件套", "水洗 毛巾"),
    ("水洗棉, 棉四季被", "棉棉"),
    ("哈哈", "哈哈哈"),
    ("Ocean Blue Shirt", "ocea blue"),
    ("Ocean Blue Shirt", "cean"),
    ("保温杯 240ml", "24"),
]


async def matches(db: Database, pairs: list[tuple[str, str]]) -> list[bool]:
    """Whether each document is found by its search, as PostgreSQL sees it."""
    asked = text(
        "SELECT CAST(d AS tsvector) @@ CAST(q AS tsquery) "
        "FROM unnest(CAST(:ds AS text[]), CAST(:qs AS text[])) WITH ORDINALITY AS pairs (d, q, n) ORDER BY n"
    )
    documents = [words.document([document]) for document, _ in pairs]
    searches = [words.query(search) for _, search in pairs]
    return list(await db.column(asked, {"ds": documents, "qs": searches}))


async def test_every_case_is_found(db: Database) -> None:
    found = await matches(db, FOUND)

    assert [pair for pair, is_found in zip(FOUND, found, strict=True) if not is_found] == []


async def test_no_other_case_is_found(db: Database) -> None:
    found = await matches(db, NOT_FOUND)

    assert [pair for pair, is_found in zip(NOT_FOUND, found, strict=True) if is_found] == []


async def test_every_cut_of_a_chinese_title_finds_it(db: Database) -> None:
    dice = random.Random(7)
    pairs = []
    for _ in range(300):
        title = "".join(dice.choices("夜市灯笼烤串奶茶小吃摊老板", k=dice.randrange(1, 20)))
        begin = dice.randrange(len(title))
        pairs.append((title, title[begin : dice.randrange(begin + 1, len(title) + 1)]))

    found = await matches(db, pairs)

    assert [pair for pair, is_found in zip(pairs, found, strict=True) if not is_found] == []


async def test_a_chinese_search_finds_exactly_the_titles_that_contain_it(db: Database) -> None:
    dice = random.Random(8)
    letters = "夜市灯"  # so few that chance often finds what was not meant
    pairs = [
        ("".join(dice.choices(letters, k=8)), "".join(dice.choices(letters, k=dice.randrange(1, 5))))
        for _ in range(2_000)
    ]

    found = await matches(db, pairs)

    assert found == [search in title for title, search in pairs]


def test_no_phrase_reaches_from_one_text_into_the_next() -> None:
    assert words.document(["纯棉", "毛巾"]) == "'纯棉':1 '棉':2 '毛巾':5 '巾':6"


@pytest.mark.parametrize("search", ["", "   ", "!!!", "-- ' \\", "🎉"])
def test_a_search_without_a_word_says_nothing(search: str) -> None:
    assert words.query(search) == ""


@for_all(st.lists(st.text(max_size=60), max_size=5))
def test_any_text_makes_a_literal_that_postgresql_reads(texts: list[str]) -> None:
    literal = words.document(texts)

    entries = re.findall(r"'([^']*)':([\d,]+)(?: |$)", literal)
    places = [int(place) for _, at in entries for place in at.split(",")]
    assert " ".join(f"'{word}':{at}" for word, at in entries) == literal
    assert not any(re.search(r"[\\\s]", word) or len(word.encode()) > 2_046 for word, _ in entries)
    assert len(places) == len(set(places))
    assert all(0 < place < 16_383 for place in places)


@for_all(st.text(max_size=200))
def test_any_text_makes_a_search_that_postgresql_reads(search: str) -> None:
    word = r"'[^'\\\s]+'"
    term = rf"{word}(:\*)?|\({word}( <-> {word})+\)"

    assert re.fullmatch(rf"(({term})( & ({term}))*)?", words.query(search))


def test_a_product_of_endless_texts_stays_within_what_postgresql_stores() -> None:
    literal = words.document("夜市灯笼" * 60 for _ in range(250))

    assert max(int(place) for place in re.findall(r"\d+", literal)) < 16_383
