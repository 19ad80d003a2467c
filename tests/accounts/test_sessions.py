"""Sessions: tokens that follow one another, a stolen one that ends them, and every way to sign out."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from domain.accounts import actions, finding, refreshing, sessions
from domain.accounts.rules import REFRESH_GRACE, AccountDisabled, Role, SessionEnded, Worth, worth
from domain.accounts.rules import Session as Device
from domain.accounts.tables import accounts, refresh_tokens, roles
from domain.accounts.tables import sessions as table
from domain.accounts.tokens import Verifier, digest_of
from domain.foundation.errors import BadInput, NotFound
from domain.foundation.ids import new_id
from tests.statements import count_statements

SECOND = timedelta(seconds=1)
MONTH = timedelta(days=30)


@pytest.fixture
def sign_in(db, settings, now):
    """Somebody signs in on a device."""

    async def sign_in(name="amei", *, device="iPhone 15", taken_on=(), at=now):
        return await actions.sign_in_for_development(
            db, settings=settings, name=name, taken_on=taken_on, device=device, visitor="v" * 43, now=at
        )

    return sign_in


@pytest.fixture
def refresh(db, settings, now):
    """A client sends a refresh token, or what it got with one."""

    async def refresh(sent, at=now):
        text = sent if isinstance(sent, str) else sent.refresh.text
        return await refreshing.refresh(db, settings=settings, refresh_token=text, now=at)

    return refresh


@pytest.fixture
def is_over(refresh, db):
    """Whether a token is refused, and by that nothing changes but what says so."""

    async def is_over(sent, at):
        try:
            await refresh(sent, at)
        except SessionEnded:
            return True
        return False

    return is_over


async def ended(db):
    """Why which sessions ended."""
    return Counter(await db.column(select(table.c.ended_why)))


async def tokens_kept(db):
    return await db.value(select(func.count()).select_from(refresh_tokens))


async def test_who_signs_in_gets_an_access_token_of_a_session_and_a_refresh_token(sign_in, settings, db, now):
    signed_in = await sign_in()

    principal = Verifier(settings).principal(signed_in.access.text, now=now)
    assert principal == signed_in.principal
    assert (principal.session_id, principal.roles) == (signed_in.principal.session_id, {Role.SHOPPER})
    assert signed_in.access.expires_at == now + timedelta(seconds=900)
    assert signed_in.refresh.expires_at == now + MONTH
    [device] = await sessions.of_account(db, principal.account_id, now=now)
    assert device == Device(principal.session_id, principal.account_id, "iPhone 15", now, now)


async def test_only_the_digest_of_a_refresh_token_is_kept(sign_in, db):
    signed_in = await sign_in()

    assert await db.column(select(refresh_tokens.c.digest)) == [digest_of(signed_in.refresh.text)]
    assert len(signed_in.refresh.text) == 47  # nmr_ and 43 characters for 256 bits


async def test_a_device_s_name_has_at_most_100_characters(sign_in, db):
    await sign_in(device="机" * 100)

    with pytest.raises(BadInput, match="device must have at most 100 characters"):
        await sign_in(device="机" * 101)

    assert await ended(db) == {None: 1}


async def test_each_refresh_token_gets_the_next(sign_in, refresh, settings, now):
    first = await sign_in()
    later = now + timedelta(minutes=20)
    second = await refresh(first, later)
    third = await refresh(second, later + SECOND)

    assert len({signed_in.refresh.text for signed_in in (first, second, third)}) == 3
    assert third.principal == first.principal
    assert third.principal.session_id == first.principal.session_id
    assert second.refresh.expires_at == later + MONTH
    assert Verifier(settings).principal(second.access.text, now=later).issued_at == later.timestamp()


async def test_a_refresh_reads_the_roles_anew(sign_in, refresh, db, now):
    host = await sign_in(taken_on=[Role.HOST, Role.FINANCE])
    assert host.principal.roles == {Role.SHOPPER, Role.HOST, Role.FINANCE}
    async with db.transaction() as tx:
        await tx.execute(roles.delete().where(roles.c.role == "finance"))

    assert (await refresh(host)).principal.roles == {Role.SHOPPER, Role.HOST}


async def test_a_refresh_is_five_statements_and_one_of_a_used_token_three(sign_in, refresh, db, is_over, now):
    first = await sign_in()

    with count_statements(db) as sent:
        await refresh(first)
    assert len(sent) == 5

    with count_statements(db) as sent:
        await refresh(first)
    assert len(sent) == 3

    with count_statements(db) as sent:
        assert await is_over(first, now + timedelta(minutes=1))
    assert len(sent) == 3

    with count_statements(db) as sent:
        assert await is_over(first, now + timedelta(minutes=1))
    assert len(sent) == 1

    with count_statements(db) as sent:
        assert await is_over("nmr_short", now)
    assert sent == []


async def test_a_used_token_that_comes_back_ends_the_session_for_both_who_have_it(sign_in, refresh, is_over, db, now):
    first = await sign_in()
    second = await refresh(first)

    assert await is_over(first, now + REFRESH_GRACE)

    assert await is_over(second, now + REFRESH_GRACE)
    assert await ended(db) == {"reused": 1}


async def test_a_session_that_ends_so_takes_no_other_along(sign_in, refresh, is_over, db, now):
    first, other = await sign_in(), await sign_in(device="iPad")
    await refresh(first)
    assert await is_over(first, now + timedelta(minutes=1))

    await refresh(other, now + timedelta(minutes=1))

    assert await ended(db) == {"reused": 1, None: 1}


async def test_a_client_that_lost_the_answer_gets_another_within_half_a_minute(sign_in, refresh, is_over, db, now):
    first = await sign_in()
    lost = await refresh(first)
    nearly = now + timedelta(seconds=29.999)
    found = await refresh(first, nearly)

    assert found.refresh.text != lost.refresh.text
    assert found.principal.session_id == first.principal.session_id

    again = await refresh(found, now + timedelta(minutes=20))
    assert await ended(db) == {None: 1}
    assert not await is_over(again, now + timedelta(minutes=40))


async def test_of_two_answers_only_one_goes_on(sign_in, refresh, is_over, db, now):
    first = await sign_in()
    one, other = await refresh(first), await refresh(first, now + SECOND)
    await refresh(other, now + timedelta(minutes=20))

    assert await is_over(one, now + timedelta(minutes=21))
    assert await ended(db) == {"reused": 1}


async def test_once_the_answer_was_used_the_token_before_it_is_not_forgiven(sign_in, refresh, is_over, db, now):
    first = await sign_in()
    second = await refresh(first)
    await refresh(second, now + SECOND)

    assert await is_over(first, now + 2 * SECOND)
    assert await ended(db) == {"reused": 1}


async def test_repeats_do_not_prolong_their_time(sign_in, refresh, is_over, now):
    first = await sign_in()
    for seconds in (0, 10, 20, 29):
        await refresh(first, now + seconds * SECOND)

    assert await is_over(first, now + timedelta(seconds=30))


async def test_of_50_refreshes_at_once_with_one_token_five_are_answered_and_the_session_stays(
    sign_in, refresh, is_over, db, now
):
    first = await sign_in()

    outcomes = await asyncio.gather(*(refresh(first) for _ in range(50)), return_exceptions=True)

    answers = [outcome for outcome in outcomes if isinstance(outcome, sessions.SignedIn)]
    assert Counter(map(type, outcomes)) == {sessions.SignedIn: 5, SessionEnded: 45}
    assert len({answer.refresh.text for answer in answers}) == 5
    assert {answer.principal.session_id for answer in answers} == {first.principal.session_id}
    assert await db.rows(select(table.c.generation, table.c.ended_at)) == [(1, None)]
    assert await tokens_kept(db) == 6

    # whichever the client has kept goes on, and none besides it
    await refresh(answers[1], now + timedelta(minutes=15))
    assert await is_over(answers[3], now + timedelta(minutes=16))
    assert await ended(db) == {"reused": 1}


async def test_five_answers_used_at_once_are_one_generation_of_which_one_goes_on(sign_in, refresh, is_over, db, now):
    first = await sign_in()
    answers = await asyncio.gather(*(refresh(first) for _ in range(5)))
    later = now + timedelta(minutes=15)

    used = await asyncio.gather(*(refresh(answer, later) for answer in answers))

    assert await db.value(select(table.c.generation)) == 2
    kept = await refresh(used[3], later + timedelta(minutes=15))
    assert [await is_over(other, later + timedelta(minutes=16)) for other in (used[1], kept)] == [True, True]
    assert await ended(db) == {"reused": 1}


async def test_used_tokens_are_known_for_a_week_and_then_told_what_strangers_are(sign_in, refresh, is_over, db, now):
    first = await sign_in()
    one, other = await refresh(first), await refresh(first)
    await refresh(one, now + timedelta(days=1))

    kept = select(refresh_tokens.c.generation, refresh_tokens.c.expires_at).order_by(refresh_tokens.c.expires_at)
    assert await db.rows(kept) == [
        (0, now + timedelta(days=7)),
        (1, now + timedelta(days=8)),
        (1, now + timedelta(days=8)),
        (2, now + timedelta(days=31)),
    ]
    assert await is_over(first, now + timedelta(days=7))
    assert await ended(db) == {None: 1}
    assert await is_over(other, now + timedelta(days=8, seconds=-1))
    assert await ended(db) == {"reused": 1}


async def test_a_session_of_months_keeps_the_tokens_of_a_week(sign_in, refresh, db, now):
    device, at = await sign_in(), now
    for _ in range(20):
        at += timedelta(days=1)
        device = await refresh(device, at)
        await sessions.forget(db, now=at, limit=100)

    assert await tokens_kept(db) == 10  # of seven days, of the one after which they go, of its border, and the newest


async def test_whoever_works_behind_the_counter_signs_in_again_after_twelve_hours(sign_in, refresh, is_over, db, now):
    device = await sign_in(taken_on=[Role.MERCHANDISER])
    for hours in (4, 8, 11.99):
        device = await refresh(device, now + timedelta(hours=hours))
        assert device.refresh.expires_at == now + timedelta(hours=12)
    me, at_the_end = device.principal.account_id, now + timedelta(hours=12)
    assert len(await sessions.of_account(db, me, now=at_the_end - SECOND)) == 1

    assert await is_over(device, at_the_end)
    assert await sessions.of_account(db, me, now=at_the_end) == []
    assert await finding.sessions_by_account_ids(db, [me], now=at_the_end) == {}


async def test_a_shopper_who_comes_behind_the_counter_has_no_older_session_there(sign_in, refresh, is_over, db, now):
    old, new = await sign_in(), await sign_in(at=now + timedelta(hours=2))
    async with db.transaction() as tx:
        await actions.give_roles(tx, account_id=old.principal.account_id, given=[Role.FINANCE], by=None, now=now)

    assert await is_over(old, now + timedelta(hours=13))
    renewed = await refresh(new, now + timedelta(hours=13))
    assert renewed.refresh.expires_at == now + timedelta(hours=14)


async def test_hosts_stay_signed_in_as_shoppers_do(sign_in, refresh, now):
    host = await sign_in(taken_on=[Role.HOST])

    assert (await refresh(host, now + timedelta(days=29))).refresh.expires_at == now + timedelta(days=59)


async def test_20_who_come_too_late_at_once_end_the_session_once(sign_in, refresh, db, now):
    first = await sign_in()
    await refresh(first)

    outcomes = await asyncio.gather(
        *(refresh(first, now + timedelta(minutes=1)) for _ in range(20)), return_exceptions=True
    )

    assert Counter(map(type, outcomes)) == {SessionEnded: 20}
    assert await ended(db) == {"reused": 1}


async def test_signing_out_everywhere_and_20_refreshes_at_once_leave_nothing_alive(sign_in, refresh, is_over, db, now):
    devices = [await sign_in(device=f"手机 {n}") for n in range(20)]
    me = devices[0].principal.account_id

    *outcomes, _ = await asyncio.gather(
        *(refresh(device) for device in devices),
        sessions.end_everywhere(db, account_id=me, now=now),
        return_exceptions=True,
    )

    assert await ended(db) == {"everywhere": 20}
    for outcome in outcomes:
        assert isinstance(outcome, SessionEnded) or await is_over(outcome, now + SECOND)


async def test_a_ban_and_20_sign_ins_at_once_leave_nothing_alive(sign_in, db, now):
    me = (await sign_in()).principal.account_id

    async def ban():
        async with db.transaction() as tx:
            await tx.execute(update(accounts).where(accounts.c.id == me).values(disabled_at=now))
            await sessions.end_all(tx, account_id=me, why="banned", now=now)

    outcomes = await asyncio.gather(*(sign_in() for _ in range(20)), ban(), return_exceptions=True)

    signed_in = [outcome for outcome in outcomes if isinstance(outcome, sessions.SignedIn)]
    assert {type(outcome) for outcome in outcomes} <= {sessions.SignedIn, AccountDisabled, type(None)}
    assert await ended(db) == {"banned": 1 + len(signed_in)}


async def test_who_is_disabled_gets_no_further(sign_in, is_over, db, now):
    device = await sign_in()
    async with db.transaction() as tx:
        await tx.execute(update(accounts).values(disabled_at=now))

    assert await is_over(device, now)
    with pytest.raises(AccountDisabled):
        await sign_in()

    assert await tokens_kept(db) == 1


async def test_a_month_without_a_visit_ends_it(sign_in, refresh, is_over, db, now):
    device = await sign_in()
    nearly = now + MONTH - timedelta(microseconds=1)
    [_] = await sessions.of_account(db, device.principal.account_id, now=nearly)

    assert await is_over(device, now + MONTH)
    assert await sessions.of_account(db, device.principal.account_id, now=now + MONTH) == []
    assert await finding.sessions_by_account_ids(db, [device.principal.account_id], now=now + MONTH) == {}
    await refresh(device, nearly)


async def test_a_token_that_nobody_was_given_is_refused(sign_in, is_over, db, now):
    await sign_in()

    for text in (
        "",
        "nmr_",
        "a" * 43,
        "é" * 43,
        "nmr_" + "a" * 42,
        "nmr_" + "a" * 44,
        "nm_" + "a" * 43,
        "nmr_" + "a" * 43,
    ):
        assert await is_over(text, now)
    assert await ended(db) == {None: 1}


async def test_who_signs_out_everywhere_and_in_again_at_once_is_believed(sign_in, settings, db, now):
    me = (await sign_in()).principal.account_id
    ahead = now + 3 * SECOND  # by the clock of another process
    await sessions.end_everywhere(db, account_id=me, now=ahead)

    back = await sign_in(at=now)

    assert Verifier(settings).principal(back.access.text, now=ahead).issued_at == ahead.timestamp()


async def test_a_clock_that_is_behind_lets_no_ended_token_live_again(sign_in, db, now):
    me = (await sign_in()).principal.account_id

    for at in (now, now - SECOND):
        await sessions.end_everywhere(db, account_id=me, now=at)

    assert await db.column(select(accounts.c.tokens_valid_from)) == [now]


async def test_one_device_is_signed_out_once(sign_in, is_over, db, now):
    phone, pad = await sign_in(device="iPhone"), await sign_in(device="iPad")
    me = phone.principal.account_id
    for later in (now, now + SECOND):
        await sessions.end(db, account_id=me, session_id=pad.principal.session_id, now=later)

    assert await db.rows(select(table.c.device, table.c.ended_at, table.c.ended_why).order_by(table.c.id)) == [
        ("iPhone", None, None),
        ("iPad", now, "signed_out"),
    ]
    assert await is_over(pad, now)
    assert not await is_over(phone, now)


async def test_nobody_signs_another_out(sign_in, db, now):
    mine, theirs = await sign_in("amei"), await sign_in("xiaoli")

    for session_id in (theirs.principal.session_id, new_id()):
        with pytest.raises(NotFound):
            await sessions.end(db, account_id=mine.principal.account_id, session_id=session_id, now=now)

    assert await ended(db) == {None: 2}


async def test_the_devices_are_told_the_last_used_first(sign_in, refresh, db, now):
    phone, _, pad = [await sign_in(device=name, at=now) for name in ("iPhone", "iPad", "Mate 60")]
    await sign_in("xiaoli")
    await refresh(phone, now + 2 * SECOND)
    await refresh(pad, now + SECOND)

    told = await sessions.of_account(db, phone.principal.account_id, now=now + 3 * SECOND)

    assert [device.device for device in told] == ["iPhone", "Mate 60", "iPad"]
    assert [device.refreshed_at - now for device in told] == [2 * SECOND, SECOND, 0 * SECOND]


async def test_what_nobody_can_continue_is_forgotten_a_day_after_and_the_rest_is_kept(sign_in, refresh, db, now):
    visited, forgotten = await sign_in(), await sign_in()
    await refresh(visited, now + timedelta(days=24))
    out = await sign_in(at=now + timedelta(days=24))
    me, out_at = out.principal, now + timedelta(days=25)
    await sessions.end(db, account_id=me.account_id, session_id=me.session_id, now=out_at)

    assert await sessions.forget(db, now=now + MONTH + timedelta(days=1), limit=100) == 0
    assert await sessions.forget(db, now=now + MONTH + timedelta(days=1, seconds=1), limit=100) == 2

    left = await db.column(select(table.c.id).order_by(table.c.id))
    assert left == [visited.principal.session_id, me.session_id]
    assert forgotten.principal.session_id not in left
    assert await tokens_kept(db) == 2

    assert await sessions.forget(db, now=out_at + timedelta(days=7, seconds=1), limit=100) == 1
    assert await db.column(select(table.c.id)) == [visited.principal.session_id]
    assert await tokens_kept(db) == 1


@pytest.mark.parametrize(
    ("generation", "seconds", "newest", "value"),
    [
        (5, 0, 1, Worth.ROTATES),
        (5, 10**6, 5, Worth.ROTATES),
        (4, 0, 1, Worth.REPEATS),
        (4, 29.999, 4, Worth.REPEATS),
        (4, 29.999, 5, Worth.NOTHING),
        (4, 30, 1, Worth.BETRAYS),
        (4, 30, 5, Worth.BETRAYS),
        (3, 0, 1, Worth.BETRAYS),
        (0, 0, 1, Worth.BETRAYS),
    ],
)
def test_what_a_refresh_token_is_worth(generation, seconds, newest, value, now, somebody):
    session = Device(somebody, somebody, "", now, now, generation=5)

    assert worth(session, generation, now + timedelta(seconds=seconds), newest=newest) is value
