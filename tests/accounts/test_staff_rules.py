"""Names, passwords, codes and locks of staff, without a ledger."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pyotp
import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.profiles import CHEAPEST, RFC_9106_LOW_MEMORY
from cryptography.exceptions import InvalidTag

from domain.accounts import passwords, totp
from domain.accounts.rules import LoginSwitchedOff
from domain.accounts.staff_rules import (
    LOCKED_FOR,
    LONGEST,
    Attempt,
    PasswordTooWeak,
    Tries,
    Weakness,
    check_new_password,
    check_username,
)
from domain.foundation.errors import BadInput, RateLimited
from domain.foundation.settings import Settings

NOON = datetime(2026, 11, 11, 4, 0, tzinfo=UTC)
AMEI = Attempt("amei", "the-old-password", "123456")
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("new", "weakness"),
    [
        ("lantern-market-9", None),
        ("夜市的灯笼今晚都亮了十二盏", None),
        ("x1!x1!x1?y1?", None),
        ("a2345678901", Weakness.TOO_SHORT),
        ("", Weakness.TOO_SHORT),
        ("ab3" * 42 + "abc", Weakness.TOO_LONG),
        ("the-old-password", Weakness.OLD),
        ("Password1234", Weakness.COMMON),
        ("111111111111", Weakness.COMMON),
        ("abababababababab", Weakness.COMMON),
        ("amei-lantern", Weakness.USERNAME),
        ("AmeiAmeiAmeiAmei-9", Weakness.USERNAME),
        ("amei-lantern-market", None),
        ("Ｐａｓｓｗｏｒｄ１２３４", Weakness.COMMON),
        ("ｔｈｅ-old-password", Weakness.OLD),
        ("\ufdfa", Weakness.TOO_SHORT),  # one letter that is composed to eighteen
    ],
)
def test_a_password_is_long_and_not_what_others_would_guess(new, weakness):
    if weakness is None:
        check_new_password(AMEI, new)
    else:
        with pytest.raises(PasswordTooWeak) as refused:
            check_new_password(AMEI, new)
        assert refused.value.weakness == weakness
        assert refused.value.message("zh") != refused.value.message("en")


@pytest.mark.parametrize("username", ["li", "a.b-c_1", "7ice", "a" * 64])
def test_a_username_is_short_and_plain(username):
    assert check_username(username) == username
    assert Attempt(f" {username.upper()} ", "", "").name == username


@pytest.mark.parametrize("username", ["", "a", "a" * 65, "-li", "Amei", "阿美", "a b", "a\0b", "a\n", "ａｍｅｉ"])
def test_any_other_username_is_nobody_s(username):
    with pytest.raises(BadInput, match="allowed"):
        check_username(username)


@pytest.mark.parametrize("username", ["", "a\0b", "阿美", "ａｍｅｉ", "a" * 65])
def test_whoever_tries_with_such_a_name_tries_with_none(username):
    assert Attempt(username, "", "").name == ""


def test_an_attempt_shows_no_secret():
    assert repr(AMEI) == "Attempt(username='amei')"


def test_the_fifth_wrong_code_locks_for_15_minutes_and_then_counting_begins_anew():
    tries = Tries(0, None)
    for failures in (1, 2, 3, 4):
        tries = tries.and_a_wrong_one(NOON)
        assert tries == Tries(failures, None)
    locked = tries.and_a_wrong_one(NOON)

    assert locked == Tries(5, NOON + LOCKED_FOR)
    assert locked.is_locked(NOON)
    assert locked.is_locked(NOON + LOCKED_FOR - TICK)
    assert not locked.is_locked(NOON + LOCKED_FOR)
    assert locked.and_a_wrong_one(NOON + LOCKED_FOR - TICK) == locked
    assert locked.and_a_wrong_one(NOON + LOCKED_FOR) == Tries(1, None)


@pytest.mark.parametrize(
    ("seconds", "used", "step"),
    [
        (0, 0, 0),
        (30, 0, 0),
        (59, 0, 0),
        (-30, 0, 0),
        (60, 0, None),
        (-31, 0, None),
        (0, -1, 0),
        (0, 1, None),
        (0, 0.5, None),
    ],
)
def test_a_code_is_good_for_a_step_before_and_after_its_own_and_only_if_no_later_one_was_used(seconds, used, step):
    secret = totp.new_secret()
    shown_in = int(NOON.timestamp()) // 30
    used_step = 0 if used == 0 else shown_in + int(used)
    code = pyotp.TOTP(secret).at(NOON)

    found = totp.step_of(secret, code, used=used_step, now=NOON + timedelta(seconds=seconds))

    assert found == (None if step is None else shown_in + step)
    assert totp.step_of(secret, code, used=shown_in, now=NOON) is None


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "１２３４５６", "-12345", "12345\0", "1" * 70_000])
def test_what_is_no_code_is_wrong(code):
    assert totp.step_of(totp.new_secret(), code, used=0, now=NOON) is None


def test_a_code_is_read_as_apps_show_it():
    secret = totp.new_secret()
    code = pyotp.TOTP(secret).at(NOON)

    assert totp.step_of(secret, f" {code[:3]} {code[3:]}", used=0, now=NOON) == int(NOON.timestamp()) // 30


def test_apps_enrol_by_the_uri():
    secret = totp.new_secret()
    app = pyotp.parse_uri(totp.uri(secret, "amei"))

    assert totp.uri(secret, "amei").startswith("otpauth://totp/Night%20Market:amei?secret=")
    assert (app.secret, app.name, app.issuer) == (secret, "amei", "Night Market")
    assert (app.digits, app.interval, app.digest().name) == (6, 30, "sha1")
    assert len(app.byte_secret()) == 20


def test_a_sealed_secret_opens_with_its_key_for_its_account_only():
    key = totp.seal_key(Settings(seal_key="k" * 32))
    sealed = totp.seal(key, account_id=UUID(int=1), secret="SECRET")

    assert totp.unseal(key, account_id=UUID(int=1), sealed=sealed) == "SECRET"
    assert totp.seal(key, account_id=UUID(int=1), secret="SECRET") != sealed
    for other in (
        {"key": key, "account_id": UUID(int=2), "sealed": sealed},
        {"key": totp.seal_key(Settings(seal_key="o" * 32)), "account_id": UUID(int=1), "sealed": sealed},
        {"key": key, "account_id": UUID(int=1), "sealed": sealed[:-1] + bytes([sealed[-1] ^ 1])},
    ):
        with pytest.raises(InvalidTag):
            totp.unseal(**other)


def test_nothing_is_sealed_without_a_key():
    with pytest.raises(LoginSwitchedOff):
        totp.seal_key(Settings(seal_key=""))


async def test_hashes_are_argon2id_by_the_rfc_and_salted():
    one, other = await asyncio.gather(passwords.hashed("lantern-market-9"), passwords.hashed("lantern-market-9"))

    assert extract_parameters(one) == RFC_9106_LOW_MEMORY
    assert extract_parameters(passwords._decoy()) == RFC_9106_LOW_MEMORY
    assert one != other
    assert await passwords.is_right("lantern-market-9", one)
    assert not await passwords.is_right("lantern-market-8", one)
    assert not passwords.is_outdated(one)
    assert passwords.is_outdated(PasswordHasher.from_parameters(CHEAPEST).hash("lantern-market-9"))


async def test_the_same_letters_are_the_same_password_however_a_keyboard_composes_them():
    kept = await passwords.hashed("cafe\u0301 ２号 lantern")

    assert await passwords.is_right("caf\u00e9 2号 lantern", kept)


async def test_of_a_huge_password_only_the_beginning_is_looked_at():
    composed = passwords._normal("\ufdfa" * 21_000)  # as many as a request holds

    assert len(composed) == 18 * passwords.READ
    assert passwords._normal("x" * LONGEST) == "x" * LONGEST


async def test_hashing_leaves_the_loop_free_and_takes_two_at_a_time():
    hashing = asyncio.gather(*(passwords.hashed("x" * 12) for _ in range(4)))
    turns = 0
    while not hashing.done():
        await asyncio.sleep(0.001)
        turns += 1

    assert turns > 20
    assert len(passwords._threads._threads) <= 2


async def test_eight_wait_for_a_hash_and_the_next_is_told_to_come_again():
    asked = [asyncio.create_task(passwords.hashed("x" * 12)) for _ in range(passwords.AT_A_TIME + passwords.WAITING)]
    await asyncio.sleep(0)

    for one_more in (passwords.hashed("x" * 12), passwords.is_right("x" * 12, None)):
        with pytest.raises(RateLimited) as refused:
            await one_more
        assert refused.value.retry_after == 2.0

    assert len(set(await asyncio.gather(*asked))) == 10
    await passwords.hashed("x" * 12)


async def test_whoever_goes_away_leaves_the_place_in_line_to_others():
    async def goes_away():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(passwords.hashed("x" * 12), 0.01)

    for _ in range(3):
        await asyncio.gather(*(goes_away() for _ in range(8)))
    await passwords.hashed("x" * 12)

    assert passwords._places._value == passwords.AT_A_TIME + passwords.WAITING
