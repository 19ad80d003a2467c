"""Pages: cursors that come back as they were, and nothing else passes for one."""

import base64
import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.foundation.errors import BadInput
from domain.foundation.ids import new_id
from domain.foundation.pages import Page, cursor, page_of, page_size, read_cursor

NOON = datetime(2026, 11, 11, 4, 0, tzinfo=UTC)


@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    st.integers(-(2**63), 2**63 - 1),
    st.uuids(),
    st.datetimes(timezones=st.just(UTC)),
)
def test_every_key_comes_back_from_its_cursor(text, number, id, moment):
    made = cursor(text, number, id, moment)

    assert read_cursor(made, str, int, UUID, datetime) == (text, number, id, moment)


@given(st.uuids(), st.datetimes(timezones=st.just(UTC)))
def test_a_cursor_goes_into_an_address_as_it_is(id, moment):
    assert cursor(id, moment).replace("-", "").replace("_", "").isalnum()


def test_a_moment_comes_back_in_utc():
    at_the_shop = NOON.astimezone(timezone(timedelta(hours=8)))

    (moment,) = read_cursor(cursor(at_the_shop), datetime)

    assert (moment, moment.tzinfo) == (NOON, UTC)


@pytest.mark.parametrize(
    ("key", "kinds"),
    [
        ((1,), (str,)),
        (("1",), (int,)),
        ((True,), (int,)),
        ((1.0,), (int,)),
        ((None,), (str,)),
        ((["a"],), (str,)),
        (("a", "b"), (str,)),
        (("a",), (str, str)),
        ((), (str,)),
        (("not an id",), (UUID,)),
        ((1,), (UUID,)),
        (("yesterday",), (datetime,)),
        (("2026-11-11T12:00:00",), (datetime,)),  # of no zone
        (("0001-01-01T00:00:00+14:00",), (datetime,)),  # before the first year, in UTC
        ((2**63,), (int,)),  # more than a BIGINT
        ((-(2**63) - 1,), (int,)),
        (("a\0b",), (str,)),  # no text of PostgreSQL
    ],
)
def test_a_cursor_of_another_list_is_refused(key, kinds):
    with pytest.raises(BadInput, match="is not a cursor of this list; pass an `endCursor` as it was given"):
        read_cursor(encoded(key), *kinds)


@pytest.mark.parametrize(
    "text", ["", "?", "hello", "====", "号", "\0", "W10", "eyJhIjoxfQ", "Ww", "W" * 100_000, "\udcff"]
)
def test_garbage_is_refused_without_repeating_all_of_it(text):
    with pytest.raises(BadInput, match="is not a cursor of this list") as refused:
        read_cursor(text, str)

    assert len(str(refused.value)) < 400


@given(st.text())
def test_whatever_is_pasted_is_a_cursor_or_bad_input(text):
    with suppress(BadInput):
        assert len(read_cursor(text, str, int)) == 2


@pytest.mark.parametrize("first", [1, 20, 100])
def test_a_page_has_1_to_100_rows(first):
    assert page_size(first) == first


@pytest.mark.parametrize("first", [-1, 0, 101, 2**31])
def test_no_page_is_empty_or_endless(first):
    with pytest.raises(BadInput, match=f"first is {first}; allowed: 1 to 100"):
        page_size(first)


def test_the_row_too_many_says_that_more_follow():
    rows = [(new_id(), n) for n in range(4)]

    page = page_of(rows, 3, lambda row: (row[0],))

    assert page == Page(rows[:3], [cursor(id) for id, _ in rows[:3]], has_next=True)


@pytest.mark.parametrize("count", [0, 2, 3])
def test_the_last_page_says_that_it_is(count):
    page = page_of(list(range(count)), 3, lambda row: (row,))

    assert page == Page(list(range(count)), [cursor(n) for n in range(count)], has_next=False)


def encoded(key):
    """A cursor of anything JSON can say."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).rstrip(b"=").decode()
