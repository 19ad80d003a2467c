"""Memberships without a ledger: how periods fall in the calendar, what days are worth, and what is done with money."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from domain.benefits.rules import Benefit, BenefitKind
from domain.foundation.clock import shop_midnight
from domain.foundation.errors import BadInput, NotFound
from domain.foundation.ids import new_id
from domain.foundation.money import Money
from domain.memberships import code_rules, plan_rules, purchase_rules, rules
from domain.memberships.code_rules import Code
from domain.memberships.plan_rules import NewPlan, Plan, PlanKind
from domain.memberships.purchase_rules import Purchase, PurchaseCause, PurchaseState, Verdict
from domain.memberships.rules import FREE, Worth

NOON = datetime(2026, 11, 11, 4, 0, tzinfo=UTC)
MEMBER_PRICES = Benefit(BenefitKind.MEMBER_PRICE, {"percent": 95})


def plan(*, months=None, days=None, kind=PlanKind.MONTHLY, price_minor=3100):
    return Plan(new_id(), "月卡", kind, Money(price_minor), months, days, (MEMBER_PRICES,), 5, True, NOON)


def terms_of(begun_at, of_plan, count, worth=FREE):
    card = rules.begin(new_id(), of_plan, now=begun_at)
    numbers = range(1, count + 1)
    return card, [rules.term_of(card, of_plan, number, worth, purchase_id=new_id(), code_id=None) for number in numbers]


def bought(*, cause=PurchaseCause.BOUGHT, state=PurchaseState.PENDING, **values):
    account_id = values.pop("account_id", new_id())
    usual = {"price": Money(3100), "credit": Money(0), "made_at": NOON, "pay_by": NOON + timedelta(minutes=30)}
    return Purchase(new_id(), account_id, new_id(), cause, state=state, **{**usual, **values})


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2026, 1, 31), 2, date(2026, 3, 31)),
        (date(2026, 12, 31), 2, date(2027, 2, 28)),
        (date(2028, 2, 29), 12, date(2029, 2, 28)),
        (date(2028, 2, 29), 48, date(2032, 2, 29)),
        (date(2026, 11, 11), 12, date(2027, 11, 11)),
    ],
)
def test_months_are_counted_from_the_beginning(day, months, expected):
    assert plan_rules.months_after(day, months) == expected


def test_monthly_terms_from_a_month_s_end_come_back_to_it():
    begun_at = datetime(2026, 1, 31, 7, 0, tzinfo=UTC)

    card, terms = terms_of(begun_at, plan(months=1), 3)

    assert [(term.first_day, term.last_day, term.days) for term in terms] == [
        (date(2026, 2, 1), date(2026, 2, 28), 28),
        (date(2026, 3, 1), date(2026, 3, 31), 31),
        (date(2026, 4, 1), date(2026, 4, 30), 30),
    ]
    assert [term.starts_at for term in terms] == [
        begun_at,
        shop_midnight(date(2026, 3, 1)),
        shop_midnight(date(2026, 4, 1)),
    ]
    assert [term.ends_at for term in terms[:-1]] == [term.starts_at for term in terms[1:]]
    assert card.ends_at == terms[0].ends_at


def test_a_leap_day_is_one_more_day():
    card, (term,) = terms_of(datetime(2028, 2, 28, 4, 0, tzinfo=UTC), plan(months=12), 1)

    assert (term.first_day, term.last_day, term.days) == (date(2028, 2, 29), date(2029, 2, 28), 366)
    assert card.ends_at == shop_midnight(date(2029, 3, 1))


@pytest.mark.parametrize(
    ("begun_at", "first_day"),
    [
        (datetime(2026, 11, 11, 15, 59, 59, 999_999, tzinfo=UTC), date(2026, 11, 12)),
        (datetime(2026, 11, 11, 16, 0, tzinfo=UTC), date(2026, 11, 13)),
    ],
)
def test_the_shop_s_midnight_divides_beginnings(begun_at, first_day):
    _, (term,) = terms_of(begun_at, plan(days=7), 1)

    assert (term.first_day, term.days) == (first_day, 7)
    assert term.ends_at == shop_midnight(first_day + timedelta(days=7))


def test_a_card_is_running_until_its_end_and_not_at_it():
    card, _ = terms_of(NOON, plan(days=7), 1)
    in_grace = replace(card, grace_until=card.ends_at + timedelta(days=3))

    assert [card.is_running(at) for at in (NOON, card.ends_at - timedelta(microseconds=1), card.ends_at)] == [
        True,
        True,
        False,
    ]
    assert [in_grace.is_running(at) for at in (card.ends_at, in_grace.grace_until)] == [True, False]
    assert [in_grace.is_in_grace(at) for at in (NOON, card.ends_at, in_grace.grace_until)] == [False, True, False]


@pytest.mark.parametrize("paid_minor", [0, 1, 36_500, 36_499, 99_999])
def test_what_days_earn_adds_up_to_what_was_paid(paid_minor):
    _, (term,) = terms_of(NOON, plan(months=12), 1, Worth(paid_minor, paid_minor))
    days = [term.first_day + timedelta(days=number) for number in range(-2, term.days + 2)]

    earned = [term.earned_minor(day) for day in days]

    assert term.earned_minor(None) == earned[0] == earned[1] == 0
    assert earned[-1] == earned[-3] == paid_minor
    assert earned == sorted(earned)
    assert all(
        term.earned_minor(day) + term.left_minor(paid_minor, day) in {paid_minor, paid_minor - 1} for day in days
    )


def test_a_refund_is_the_unused_days_of_all_terms_less_what_was_used():
    _, terms = terms_of(NOON, plan(days=10), 2, Worth(1000, 1000))
    on_the_fourth = date(2026, 11, 15)

    def refund(used):
        found = rules.refunding(terms, used_benefits_minor=used, day=on_the_fourth)
        return found.days_left, found.unused_minor, [minor for _, minor in found.by_term]

    assert refund(0) == (16, 1600, [600, 1000])
    assert refund(100) == (16, 1600, [500, 1000])
    assert refund(700) == (16, 1600, [0, 900])
    assert refund(9999) == (16, 1600, [0, 0])


def test_the_day_of_the_beginning_is_not_used():
    _, terms = terms_of(NOON, plan(days=10), 1, Worth(1000, 1000))

    assert rules.refunding(terms, used_benefits_minor=0, day=date(2026, 11, 11)).amount == Money(1000)
    assert rules.refunding(terms, used_benefits_minor=0, day=date(2026, 11, 12)).amount == Money(900)


def test_what_was_given_is_credited_and_not_refunded():
    _, terms = terms_of(NOON, plan(days=10), 1, Worth(1000, refundable_minor=0))

    assert rules.credit_of(terms, date(2026, 11, 15)) == Worth(600, 0)
    assert rules.refunding(terms, used_benefits_minor=0, day=date(2026, 11, 15)).amount == Money(0)


@pytest.mark.parametrize(
    ("purchase", "amount_minor", "expected"),
    [
        (bought(), 3100, Verdict.ACCEPT),
        (bought(pay_by=NOON - timedelta(days=9)), 3100, Verdict.ACCEPT),
        (bought(), 3099, Verdict.GIVE_BACK),
        (bought(credit=Money(100)), 3000, Verdict.ACCEPT),
        (bought(state=PurchaseState.PAID, paid_with=new_id()), 3100, Verdict.GIVE_BACK),
        (bought(state=PurchaseState.DECLINED, paid_with=new_id()), 3100, Verdict.GIVE_BACK),
        (bought(state=PurchaseState.PAID), 3100, Verdict.GIVE_BACK),
    ],
)
def test_money_is_judged(purchase, amount_minor, expected):
    assert purchase_rules.judge(purchase, payment_id=new_id(), amount_minor=amount_minor) is expected


@pytest.mark.parametrize("state", [PurchaseState.PAID, PurchaseState.DECLINED])
def test_the_same_money_is_known(state):
    payment_id = new_id()

    found = purchase_rules.judge(bought(state=state, paid_with=payment_id), payment_id=payment_id, amount_minor=3100)

    assert found is Verdict.KNOWN


def test_an_upgrade_is_paid_before_midnight():
    late = datetime(2026, 11, 11, 15, 45, tzinfo=UTC)

    assert purchase_rules.pay_by(PurchaseCause.UPGRADE, late) == datetime(2026, 11, 11, 16, 0, tzinfo=UTC)
    assert purchase_rules.pay_by(PurchaseCause.UPGRADE, NOON) == NOON + timedelta(minutes=30)
    assert purchase_rules.pay_by(PurchaseCause.BOUGHT, late) == late + timedelta(minutes=30)


def test_only_its_buyer_pays_and_only_in_time():
    mine = bought()

    purchase_rules.check_payable(mine, account_id=mine.account_id, now=mine.pay_by - timedelta(microseconds=1))
    with pytest.raises(NotFound):
        purchase_rules.check_payable(mine, account_id=new_id(), now=NOON)
    with pytest.raises(purchase_rules.MembershipNotPayable):
        purchase_rules.check_payable(mine, account_id=mine.account_id, now=mine.pay_by)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 31}, "name"),
        ({"price_minor": 0}, "priceMinor"),
        ({"price_minor": 10**8 + 1}, "priceMinor"),
        ({"rank": 0}, "rank"),
        ({"months": None}, "months or days"),
        ({"days": 3}, "months or days"),
        ({"months": 37}, "months"),
        ({"months": None, "days": 367}, "days"),
        ({"kind": PlanKind.TRIAL}, "renewable"),
        ({"benefits": []}, "benefits"),
    ],
)
def test_a_plan_that_cannot_be(wrong, named):
    usual = {
        "name": "年卡",
        "kind": PlanKind.YEARLY,
        "price_minor": 36_500,
        "rank": 10,
        "benefits": [MEMBER_PRICES],
        "months": 12,
    }

    plan_rules.check_plan(NewPlan(**usual))
    with pytest.raises(BadInput, match=named):
        plan_rules.check_plan(NewPlan(**{**usual, **wrong}))


def test_a_code_is_made_of_its_id_and_a_key_and_read_however_it_is_typed():
    code_id, key = new_id(), b"k" * 32
    text = code_rules.text_of(key, code_id)
    kept = Code(code_id, new_id(), new_id(), None, code_rules.hash_of(text), NOON)

    typed = text.lower().replace("-", " ").replace("0", "o").replace("1", "l")

    assert len(text) == 19
    assert code_rules.hash_of(typed) == kept.hash
    assert (code_rules.shown(key, kept), code_rules.shown(b"another key" * 3, kept)) == (text, None)


def test_half_a_character_is_no_code_and_no_fault():
    assert code_rules.hash_of("\ud800") != code_rules.hash_of("\ud801")


def test_codes_are_good_once_in_time_and_for_others():
    mine, account_id = new_id(), new_id()
    code = Code(new_id(), new_id(), None, new_id(), b"", NOON)

    def usable(code, *, now=NOON - timedelta(microseconds=1), by=account_id):
        return code_rules.check_usable(code, given_by=mine, account_id=by, now=now)

    assert usable(code) == code
    for wrong, refused in (
        ({"code": None}, code_rules.ActivationCodeUnknown),
        ({"code": replace(code, withdrawn_at=NOON)}, code_rules.ActivationCodeUnknown),
        ({"code": replace(code, used_at=NOON, used_by=new_id())}, code_rules.ActivationCodeUsed),
        ({"now": NOON}, code_rules.ActivationCodeOver),
        ({"by": mine}, code_rules.OwnGift),
    ):
        with pytest.raises(refused):
            usable(**{"code": code, **wrong})
