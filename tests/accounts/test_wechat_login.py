"""Signing in with WeChat: one account behind a person's names, and a plain word for everything WeChat answers."""

import asyncio
import logging
import time
import traceback
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from domain.accounts import wechat_login
from domain.accounts.actions import sign_in
from domain.accounts.queries import openid_of
from domain.accounts.rules import (
    AccountDisabled,
    LoginSwitchedOff,
    Role,
    WechatBusy,
    WechatCodeRefused,
    WechatUserBlocked,
)
from domain.accounts.tables import accounts, identities, sessions
from domain.accounts.wechat import WechatFault
from domain.foundation import wechat_platform
from domain.foundation.errors import BadInput, Refusal
from domain.foundation.ids import new_id
from tests.given.shipments import APP_SECRET
from tests.given.wechat import free_port


@pytest.fixture
def enter(db, with_wechat, now):
    """A phone sends its code."""

    async def enter(code, *, device="iPhone 15", settings=with_wechat):
        return await wechat_login.sign_in(db, settings=settings, code=code, device=device, visitor="v" * 43, now=now)

    return enter


@pytest.fixture
def visit(enter, wechat):
    """A user opens the mini-program."""

    async def visit(openid, unionid=""):
        return (await enter(await wechat.login_code(openid, unionid))).principal.account_id

    return visit


@pytest.fixture
def known(db, now):
    """Who is known already, by one of WeChat's names."""

    async def known(provider, subject):
        return (await sign_in(db, provider=provider, subject=subject, display_name="阿美", now=now)).id

    return known


def somebody(name="o"):
    """An openid or a unionid that no other test has used: the platform counts the logins of each."""
    return f"{name}{new_id().hex}"


async def names(db):
    rows = await db.rows(select(identities.c.provider, identities.c.subject, identities.c.account_id))
    return {(row.provider, row.subject): row.account_id for row in rows}


async def people(db):
    return await db.value(select(func.count()).select_from(accounts))


async def nothing_happened(db):
    return (await people(db), await db.value(select(func.count()).select_from(sessions))) == (0, 0)


async def test_the_first_visit_opens_an_account_and_a_session_and_the_next_finds_it(enter, wechat, db):
    mei = somebody()
    first = await enter(await wechat.login_code(mei))
    again = await enter(await wechat.login_code(mei), device="iPad")

    assert first.principal.roles == {Role.SHOPPER}
    assert again.principal.account_id == first.principal.account_id
    assert again.principal.session_id != first.principal.session_id
    assert await names(db) == {("wechat", mei): first.principal.account_id}
    assert await db.column(select(sessions.c.device).order_by(sessions.c.id)) == ["iPhone 15", "iPad"]
    assert await db.column(select(accounts.c.display_name)) == ["微信用户"]
    assert await openid_of(db, first.principal.account_id) == mei


async def test_no_session_key_is_kept(visit, db):
    await visit(somebody(), somebody("u"))

    assert {provider for provider, _ in await names(db)} == {"wechat", "wechat_union"}


async def test_a_person_of_two_mini_programs_is_one_account(visit, db):
    here, there, union = somebody(), somebody(), somebody("u")

    mei = await visit(here, union)

    assert await visit(there, union) == mei
    assert await names(db) == {("wechat", here): mei, ("wechat", there): mei, ("wechat_union", union): mei}
    assert await people(db) == 1


async def test_who_is_known_by_their_openid_gets_their_unionid_bound(visit, known, db):
    openid, union = somebody(), somebody("u")
    mei = await known("wechat", openid)

    assert await visit(openid, union) == mei
    assert await visit(openid) == mei
    assert await names(db) == {("wechat", openid): mei, ("wechat_union", union): mei}


async def test_who_is_known_by_their_unionid_gets_their_openid_bound(visit, known, db):
    openid, union = somebody(), somebody("u")
    mei = await known("wechat_union", union)

    assert await visit(openid, union) == mei
    assert await visit(openid) == mei
    assert await people(db) == 1


async def test_the_newest_openid_is_the_one_to_pay_with(visit, db, now):
    old, new, union = somebody(), somebody(), somebody("u")
    mei = await visit(old, union)
    async with db.transaction() as tx:
        await tx.execute(update(identities).values(created_at=now - timedelta(days=1)))

    assert await openid_of(db, mei) == old
    await visit(new, union)
    assert await openid_of(db, mei) == new
    await visit(old, union)
    assert await openid_of(db, mei) == new


async def test_where_both_names_lead_elsewhere_the_openid_decides_and_nothing_is_moved(visit, known, db):
    openid, union = somebody(), somebody("u")
    here, there = await known("wechat", openid), await known("wechat_union", union)

    assert await visit(openid, union) == here
    assert await names(db) == {("wechat", openid): here, ("wechat_union", union): there}
    # another mini-program in which the person is new finds the account of the union
    assert await visit(somebody(), union) == there


async def test_20_first_visits_at_once_open_one_account(visit, db):
    openids, union = [somebody(), somebody()], somebody("u")

    visitors = await asyncio.gather(
        *(visit(openids[n % 2], union) for n in range(18)), *(visit(openid) for openid in openids)
    )

    # a visit that WeChat tells no unionid of may come first, and its account is found by the openid from then on
    assert await people(db) == len(set(visitors)) <= 2
    assert len(await names(db)) == 3


async def test_20_first_visits_at_once_with_one_union_open_one_account(visit, db):
    union = somebody("u")

    visitors = await asyncio.gather(*(visit(somebody(), union) for _ in range(20)))

    assert (len(set(visitors)), await people(db), len(await names(db))) == (1, 1, 21)


async def test_a_disabled_account_does_not_come_in(visit, db, now):
    mei = somebody()
    await visit(mei)
    async with db.transaction() as tx:
        await tx.execute(update(accounts).values(disabled_at=now))

    with pytest.raises(AccountDisabled):
        await visit(mei)

    assert await db.value(select(func.count()).select_from(sessions)) == 1


async def test_a_code_works_once(enter, wechat, db):
    code = await wechat.login_code(somebody())
    await enter(code)

    with pytest.raises(WechatCodeRefused):
        await enter(code)

    assert await people(db) == 1


async def test_a_code_works_for_five_minutes(enter, wechat, db):
    code = await wechat.login_code(somebody())
    await wechat.advance(299)
    in_time = await wechat.login_code(somebody())
    await wechat.advance(2)

    with pytest.raises(WechatCodeRefused):
        await enter(code)
    await enter(in_time)


async def test_what_wechat_never_gave_is_refused(enter, db):
    for code in ("never-given", "", "a" * 129, "a b", "码", "\ud800", "a&secret=x", "../x", "%00", "a\n"):
        with pytest.raises(WechatCodeRefused):
            await enter(code)

    assert await nothing_happened(db)


async def test_who_is_blocked_is_told_so(enter, wechat, db):
    mei = somebody()
    await wechat.block(mei)

    with pytest.raises(WechatUserBlocked):
        await enter(await wechat.login_code(mei))

    assert await nothing_happened(db)


async def test_the_101st_login_of_a_user_within_a_minute_waits(enter, wechat, db):
    mei = somebody()
    code = await wechat.login_code(mei)
    outcomes = await asyncio.gather(*(enter(code) for _ in range(100)), return_exceptions=True)
    assert sum(not isinstance(outcome, Exception) for outcome in outcomes) == 1

    with pytest.raises(WechatBusy) as refused:
        await enter(await wechat.login_code(mei))
    assert refused.value.retry_after == 60
    await enter(await wechat.login_code(somebody()))

    await wechat.advance(60)
    await enter(await wechat.login_code(mei))


@pytest.mark.parametrize("trouble", [-1, 500, "broken"])
async def test_a_busy_wechat_is_asked_again_with_the_same_code(enter, wechat, db, trouble):
    code = await wechat.login_code(somebody())
    await wechat.fail(trouble, door="login")

    with pytest.raises(WechatBusy) as refused:
        await enter(code)
    assert (refused.value.retry_after, refused.value.message("zh")) == (3, "微信繁忙，请在 3 秒后重试")
    assert await nothing_happened(db)

    await enter(code)


async def test_a_silent_wechat_is_waited_for_five_seconds_without_a_transaction(
    enter,
    wechat,
    db,
    monkeypatch,
):
    monkeypatch.setattr(wechat_platform, "PATIENCE_SECONDS", 0.3)
    await wechat_platform.hang_up()  # its patience is that of the connections to come
    code = await wechat.login_code(somebody())
    await wechat.fail("slow", door="login")

    began = time.perf_counter()
    entering = asyncio.create_task(enter(code))
    await asyncio.sleep(0.1)
    assert db.engine.pool.checkedout() == 0
    with pytest.raises(WechatBusy):
        await entering

    assert 0.25 < time.perf_counter() - began < 2
    assert await nothing_happened(db)


async def test_nobody_at_home_is_a_busy_wechat(enter, with_wechat, db):
    gone = with_wechat.model_copy(update={"wechat_platform_url": f"http://127.0.0.1:{free_port()}"})

    with pytest.raises(WechatBusy):
        await enter("anycode", settings=gone)

    assert await nothing_happened(db)


@pytest.mark.parametrize(
    ("knobs", "errcode"), [({"wechat_app_id": "another"}, 40013), ({"wechat_app_secret": "wrong-secret"}, 40125)]
)
async def test_a_wrong_configuration_is_a_fault_of_ours(enter, wechat, settings, db, knobs, errcode):
    wrong = wechat.settings(settings, **knobs)
    code = await wechat.login_code(somebody())

    with pytest.raises(WechatFault, match=rf"^errcode {errcode}$"):
        await enter(code, settings=wrong)

    assert await nothing_happened(db)


async def test_where_no_platform_is_configured_nobody_comes_in(enter, settings, db):
    with pytest.raises(LoginSwitchedOff):
        await enter("anycode", settings=settings)

    assert await nothing_happened(db)


async def test_a_device_with_too_long_a_name_does_not_use_up_its_code(enter, wechat):
    code = await wechat.login_code(somebody())

    with pytest.raises(BadInput):
        await enter(code, device="机" * 101)

    await enter(code)


async def test_no_log_and_no_error_tells_secret_code_or_openid(enter, wechat, with_wechat, caplog, capsys):
    caplog.set_level(logging.DEBUG)
    mei, union = somebody(), somebody("u")
    nowhere = with_wechat.model_copy(update={"wechat_platform_url": "http://127.0.0.1:9"})
    malformed = with_wechat.model_copy(update={"wechat_platform_url": "http://[oops"})
    codes, told = [], []
    for trouble in (-1, 500, "broken", 40029, 40226, 45011, 40125, 99999, 0):
        codes.append(await wechat.login_code(mei, union))
        for settings in (nowhere, malformed, with_wechat):
            await wechat.fail(trouble, times=1 if trouble else 0, door="login")
            try:
                told.append(repr(await enter(codes[-1], settings=settings)))
            except (Refusal, WechatFault) as error:
                told.append("".join(traceback.format_exception(error)))

    assert len(told) == 27
    shown = "".join([*told, caplog.text, *capsys.readouterr()])
    assert shown.count("wechat_unheard") == 20
    assert [word for word in (APP_SECRET, mei, union, "session_key", *codes) if word in shown] == []
