"""What may be written in a room."""

from datetime import UTC, datetime, timedelta
from time import process_time

import pytest

from domain.chats.rules import (
    Author,
    Badge,
    BannedFromRoom,
    CommentTooSoon,
    MutedInRoom,
    RoomChatClosed,
    badge_of,
    check_author,
    check_may_silence,
    check_text,
    muted_until,
)
from domain.foundation.errors import BadInput, NotAllowed
from domain.foundation.ids import new_id
from domain.live_rooms.rules import Duty, Room, RoomNotOn, RoomState

NOON = datetime(2026, 11, 11, 4, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def room(state=RoomState.LIVE, *, is_chat_open=True, slow_seconds=0):
    return Room(
        new_id(),
        "夜市直播间",
        "",
        state,
        store_id=None,
        starts_at=NOON,
        grace_seconds=300,
        prize_budget_minor=0,
        is_chat_open=is_chat_open,
        slow_seconds=slow_seconds,
        events=0,
    )


def author(badge=None, *, muted_until=NOON, is_muted=False, is_banned=False, last_posted_at=None):
    return Author(new_id(), "林晚", badge, is_muted, muted_until if is_muted else None, is_banned, last_posted_at)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("好看", "好看"),
        ("  两\n行\u3000字 ", "两 行 字"),
        ("，！？ＡＢ", "，！？ＡＢ"),
        ("cafe\u0301", "café"),
        ("字" * 200, "字" * 200),
        ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
        ("\u202e反着读", "反着读"),
        ("塔" + "\u0336\u0488\u200d" * 50 + "楼", "塔" + "\u0336\u0488\u200d" * 2 + "\u200d" * 48 + "楼"),
        ("\u0e01\u0e35\u0e48", "\u0e01\u0e35\u0e48"),
        ("1", "1"),
    ],
)
def test_a_comment_is_kept_on_one_line_and_otherwise_as_it_was_written(written, kept):
    assert check_text(written) == kept


@pytest.mark.parametrize(
    "written",
    ["", " \n", "\0", "\u200b\u200d", "\u3164", "\u2800", "字" * 201, "\ufdfa" * 12, "\ud83d", "\u0301", "e" * 201],
)
def test_what_is_no_text_is_refused(written):
    with pytest.raises(BadInput, match="text has"):
        check_text(written)


def test_a_hundred_thousand_marks_take_no_time_to_refuse():
    began = process_time()
    with pytest.raises(BadInput, match="text has 100001 characters"):
        check_text("a" + "\u0301\u0327" * 50_000)

    assert process_time() - began < 0.01


@pytest.mark.parametrize(
    ("at", "who", "refusal"),
    [
        (room(), author(), None),
        (room(RoomState.PAUSED), author(), None),
        (room(RoomState.SCHEDULED), author(), RoomNotOn),
        (room(RoomState.ENDED), author(Badge.HOST), RoomNotOn),
        (room(is_chat_open=False), author(), RoomChatClosed),
        (room(is_chat_open=False), author(Badge.ASSISTANT), None),
        (room(), author(is_banned=True), BannedFromRoom),
        (room(RoomState.ENDED), author(is_banned=True), BannedFromRoom),
        (room(), author(is_muted=True, muted_until=None), MutedInRoom),
        (room(), author(is_muted=True, muted_until=NOON + SECOND), MutedInRoom),
        (room(), author(is_muted=True, muted_until=NOON), None),
        (room(), author(Badge.ASSISTANT, is_muted=True, muted_until=None), MutedInRoom),
        (room(slow_seconds=10), author(), None),
        (room(slow_seconds=10), author(last_posted_at=NOON - 10 * SECOND), None),
        (room(slow_seconds=10), author(last_posted_at=NOON - 9 * SECOND), CommentTooSoon),
        (room(slow_seconds=10), author(Badge.STAFF, last_posted_at=NOON), None),
        (room(), author(last_posted_at=NOON), None),
    ],
)
def test_who_may_write(at, who, refusal):
    if refusal is None:
        check_author(at, who, now=NOON)
    else:
        with pytest.raises(refusal):
            check_author(at, who, now=NOON)


def test_slow_mode_says_when_the_next_comment_may_come():
    with pytest.raises(CommentTooSoon) as refused:
        check_author(room(slow_seconds=10), author(last_posted_at=NOON - 3 * SECOND), now=NOON)

    assert refused.value == CommentTooSoon(seconds=10, retry_at=NOON + 7 * SECOND)


@pytest.mark.parametrize(
    ("duty", "is_staff", "badge", "name"),
    [
        (Duty.HOST, False, Badge.HOST, "林晚"),
        (Duty.HOST, True, Badge.HOST, "林晚"),
        (Duty.ASSISTANT, True, Badge.ASSISTANT, "林**"),
        (None, True, Badge.STAFF, "林**"),
        (None, False, None, "林**"),
    ],
)
def test_a_badge_says_for_whom_somebody_speaks_and_only_hosts_are_named(duty, is_staff, badge, name):
    assert badge_of(duty, is_staff=is_staff) is badge
    assert author(badge).shown_name == name


def test_a_mute_takes_a_minute_to_thirty_days_or_is_for_good():
    assert muted_until(None, now=NOON) is None
    assert muted_until(1, now=NOON) == NOON + timedelta(minutes=1)
    for minutes in (0, -1, 43_201):
        with pytest.raises(BadInput):
            muted_until(minutes, now=NOON)


def test_an_assistant_silences_viewers_and_nobody_of_the_crew():
    check_may_silence(Duty.ASSISTANT, None)
    check_may_silence(Duty.HOST, Duty.HOST)
    check_may_silence(None, Duty.HOST)
    for whom in Duty:
        with pytest.raises(NotAllowed):
            check_may_silence(Duty.ASSISTANT, whom)
