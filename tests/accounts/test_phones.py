"""Phone numbers: one account's at a time, as WeChat vouches for them, and shown to nobody whole."""

import asyncio
from collections import Counter

import pytest
from sqlalchemy import select

from domain.accounts import phones
from domain.accounts.queries import phone_of
from domain.accounts.rules import LoginSwitchedOff, PhoneTaken, WechatBusy, WechatCodeRefused, masked
from domain.accounts.tables import identities
from domain.accounts.wechat import WechatFault
from domain.foundation import wechat_platform

MEI, LI = "13812345678", "13987654321"


@pytest.fixture
def bind(db, with_wechat, now):
    """A phone sends its code."""

    async def bind(account_id, code, settings=with_wechat):
        await phones.bind(db, settings=settings, account_id=account_id, code=code, now=now)

    return bind


@pytest.fixture
async def mei(given):
    return await given.shopper("amei")


@pytest.fixture
async def li(given):
    return await given.shopper("xiaoli")


async def bound(db):
    """Every number that is somebody's."""
    rows = await db.rows(select(identities).where(identities.c.provider == "phone"))
    return {row.subject: row.account_id for row in rows}


async def test_a_number_is_kept_in_e164(bind, wechat, db, mei):
    await bind(mei, await wechat.phone_code(MEI))

    assert await bound(db) == {"+8613812345678": mei}
    assert await phone_of(db, mei) == "+8613812345678"


async def test_a_number_of_another_country_keeps_its_country(bind, wechat, db, mei):
    await bind(mei, await wechat.phone_code("2025550123", country="1"))

    assert await bound(db) == {"+12025550123": mei}


async def test_another_number_takes_the_place_of_the_first_and_frees_it(bind, wechat, db, mei, li):
    await bind(mei, await wechat.phone_code(MEI))
    await bind(mei, await wechat.phone_code(LI))
    assert await bound(db) == {f"+86{LI}": mei}

    await bind(li, await wechat.phone_code(MEI))

    assert await bound(db) == {f"+86{LI}": mei, f"+86{MEI}": li}


async def test_the_same_number_again_changes_nothing(bind, wechat, db, mei):
    for _ in range(2):
        await bind(mei, await wechat.phone_code(MEI))

    assert await bound(db) == {f"+86{MEI}": mei}


async def test_the_number_of_another_is_taken_and_one_s_own_stays(bind, wechat, db, mei, li):
    await bind(mei, await wechat.phone_code(MEI))
    await bind(li, await wechat.phone_code(LI))

    with pytest.raises(PhoneTaken):
        await bind(li, await wechat.phone_code(MEI))

    assert await bound(db) == {f"+86{MEI}": mei, f"+86{LI}": li}


async def test_of_20_who_bind_one_number_at_once_one_has_it(bind, wechat, db, given):
    shoppers = await given.shoppers(20)
    codes = [await wechat.phone_code(MEI) for _ in shoppers]

    outcomes = await asyncio.gather(*map(bind, shoppers, codes), return_exceptions=True)

    assert Counter(map(type, outcomes)) == {type(None): 1, PhoneTaken: 19}
    assert len(await bound(db)) == 1


async def test_of_20_numbers_bound_at_once_one_is_left(bind, wechat, db, mei):
    codes = [await wechat.phone_code(f"138000000{n:02}") for n in range(20)]

    await asyncio.gather(*(bind(mei, code) for code in codes))

    assert list((await bound(db)).values()) == [mei]


async def test_two_who_exchange_numbers_at_once_are_both_refused_or_one_after_the_other(
    bind,
    wechat,
    db,
    mei,
    li,
):
    await bind(mei, await wechat.phone_code(MEI))
    await bind(li, await wechat.phone_code(LI))
    codes = [await wechat.phone_code(LI), await wechat.phone_code(MEI)]

    outcomes = await asyncio.gather(bind(mei, codes[0]), bind(li, codes[1]), return_exceptions=True)

    assert list(map(type, outcomes)) == [PhoneTaken, PhoneTaken]
    assert await bound(db) == {f"+86{MEI}": mei, f"+86{LI}": li}


async def test_a_code_works_once_and_for_five_minutes(bind, wechat, db, mei):
    used, late = await wechat.phone_code(MEI), await wechat.phone_code(LI)
    await bind(mei, used)
    await wechat.advance(301)

    for code in (used, late, "never-given", "", "码"):
        with pytest.raises(WechatCodeRefused):
            await bind(mei, code)

    assert await bound(db) == {f"+86{MEI}": mei}


async def test_a_code_of_a_login_or_of_another_mini_program_is_none(bind, wechat, db, mei):
    for code in (await wechat.login_code("omei"), await wechat.phone_code(MEI, appid="wxanother")):
        with pytest.raises(WechatCodeRefused):
            await bind(mei, code)

    assert await bound(db) == {}


async def test_what_is_no_number_is_a_fault(bind, wechat, db, mei):
    for number, country in (("", "86"), ("12", "86"), ("1381234567x", "86"), ("1" * 20, "1")):
        with pytest.raises(WechatFault, match=r"^the answer has no phone number$"):
            await bind(mei, await wechat.phone_code(number, country=country))

    assert await bound(db) == {}


@pytest.mark.parametrize(("door", "trouble", "seconds"), [
    ("phone", -1, 3), ("phone", 500, 3), ("phone", "broken", 3), ("phone", 45011, 60), ("token", 500, 3), ("token", -1, 3),
])  # fmt: skip
async def test_a_busy_wechat_is_asked_again_with_the_same_code(
    bind,
    wechat,
    db,
    mei,
    door,
    trouble,
    seconds,
):
    code = await wechat.phone_code(MEI)
    await wechat.expire()
    await wechat.fail(trouble, door=door)
    await wechat_platform.hang_up()
    wechat_platform._platforms.clear()

    with pytest.raises(WechatBusy) as refused:
        await bind(mei, code)
    assert refused.value.retry_after == seconds
    assert await bound(db) == {}

    await bind(mei, code)


@pytest.mark.parametrize("errcode", [40013, 40125, 40164])
async def test_an_access_token_that_is_denied_by_our_own_mistake_is_a_fault_of_ours(
    bind, wechat, with_wechat, db, mei, errcode
):
    code = await wechat.phone_code(MEI)
    await wechat.expire()
    await wechat.fail(errcode, door="token")
    await wechat_platform.hang_up()
    wechat_platform._platforms.clear()

    with pytest.raises(WechatFault, match=rf"^errcode {errcode}: ") as fault:
        await bind(mei, code)

    assert with_wechat.wechat_app_secret.get_secret_value() not in str(fault.value)
    assert await bound(db) == {}
    await bind(mei, code)


async def test_an_access_token_that_ended_early_is_renewed(bind, wechat, db, mei):
    await bind(mei, await wechat.phone_code(MEI))
    await wechat.expire()

    await bind(mei, await wechat.phone_code(LI))

    assert await bound(db) == {f"+86{LI}": mei}


async def test_where_no_platform_is_configured_nobody_is_asked(bind, settings, db, mei):
    with pytest.raises(LoginSwitchedOff):
        await bind(mei, "anycode", settings=settings)

    assert await bound(db) == {}


@pytest.mark.parametrize(
    ("phone", "shown"),
    [
        ("+8613812345678", "138****5678"),
        ("+12025550123", "+120****0123"),
        ("+85212345678", "+852****5678"),
        ("+4930123456", "+49****3456"),
    ],
)
def test_half_of_a_number_is_shown(phone, shown):
    assert masked(phone) == shown
