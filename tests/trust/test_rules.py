"""The rules of trust alone: what leads to a tier, what lowers it, and when it will be another one."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given as any_of
from hypothesis import settings
from hypothesis import strategies as st

from domain.foundation.errors import BadInput
from domain.trust import pacing_rules, rules
from domain.trust.rules import (
    DEFAULT,
    Ceiling,
    Evidence,
    EvidenceKind,
    Goal,
    Need,
    NextAction,
    Reason,
    Rung,
    Terms,
    Tier,
    TrustRules,
)
from tests.conftest import NOON

DAY = timedelta(days=1)
TERMS = DEFAULT.terms
K = EvidenceKind


def tier(*evidence, now=NOON, terms=TERMS):
    return rules.derive(evidence, terms, now=now).tier


def piece(kind, *, days_ago=0, amount=1):
    return Evidence(kind, NOON - days_ago * DAY, amount)


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        ([], Tier.STRANGER),
        ([piece(K.LIKE)], Tier.KNOWS),
        ([piece(K.COMMENT)], Tier.KNOWS),
        ([piece(K.CHAT, amount=2)], Tier.KNOWS),
        ([piece(K.CHAT, amount=3)], Tier.ACQUAINTED),
        ([piece(K.CHAT), piece(K.CHAT, days_ago=1), piece(K.CHAT, days_ago=2)], Tier.ACQUAINTED),
        ([piece(K.RECOMMENDATION)], Tier.APPROVES),
        ([piece(K.SHARE)], Tier.APPROVES),
        ([piece(K.PURCHASE)], Tier.TRUSTS),
        ([piece(K.PURCHASE), piece(K.SUPER_USER)], Tier.SUPER_USER),
        ([piece(K.PURCHASE), piece(K.SUPER_USER), piece(K.COMPLAINT)], Tier.APPROVES),
        ([piece(K.PURCHASE), piece(K.OPT_OUT)], Tier.ACQUAINTED),
        ([piece(K.PURCHASE), piece(K.SHOP_MUTED)], Tier.KNOWS),
        ([piece(K.PURCHASE), piece(K.SILENCED, days_ago=29)], Tier.KNOWS),
        ([piece(K.PURCHASE), piece(K.SILENCED, days_ago=30)], Tier.TRUSTS),
        ([piece(K.COMPLAINT)], Tier.STRANGER),
        ([piece(K.PURCHASE, days_ago=364)], Tier.TRUSTS),
        ([piece(K.PURCHASE, days_ago=365)], Tier.KNOWS),
        ([piece(K.PURCHASE, days_ago=365), piece(K.LIKE)], Tier.TRUSTS),
    ],
)
def test_the_first_days_rules_say_what_the_field_says(evidence, expected):
    assert tier(*evidence) is expected


def test_tiers_are_ordered_from_stranger_to_super_user():
    assert sorted(Tier, reverse=True)[0] is Tier.SUPER_USER
    assert Tier.STRANGER < Tier.KNOWS < Tier.ACQUAINTED < Tier.APPROVES < Tier.TRUSTS < Tier.SUPER_USER


def test_reasons_name_the_evidence_that_raised_and_what_holds_down():
    chats = [piece(K.CHAT, amount=2), piece(K.CHAT, days_ago=3, amount=2)]

    raised = rules.derive(chats, TERMS, now=NOON)
    held = rules.derive([*chats, piece(K.SILENCED, days_ago=1)], TERMS, now=NOON)

    assert raised.reasons == (Reason((K.CHAT,), 4, NOON),)
    assert held.reasons == (Reason((K.SILENCED,), 1, NOON - DAY, Tier.KNOWS),)


def test_silence_is_a_reason_of_its_own():
    verdict = rules.derive([piece(K.PURCHASE, days_ago=400)], TERMS, now=NOON)

    assert (verdict.tier, verdict.reasons) == (Tier.KNOWS, (Reason((), 0, NOON - 400 * DAY, Tier.KNOWS),))


def test_the_next_review_is_the_first_moment_at_which_the_tier_is_another_one():
    liked = rules.derive([piece(K.LIKE, days_ago=10)], TERMS, now=NOON)
    silenced = rules.derive([piece(K.PURCHASE), piece(K.SILENCED)], TERMS, now=NOON)
    for_good = rules.derive([], TERMS, now=NOON)

    assert liked.next_review_at == NOON + 80 * DAY
    assert silenced.next_review_at == NOON + 30 * DAY
    assert for_good.next_review_at is None
    # a like gets too old while a purchase still counts: nothing moves before the long silence
    assert rules.derive([piece(K.LIKE), piece(K.PURCHASE)], TERMS, now=NOON).next_review_at == NOON + 365 * DAY


def test_evidence_ceases_to_count_exactly_when_its_days_are_over():
    edge = NOON + 90 * DAY

    assert tier(piece(K.LIKE), now=edge - timedelta(microseconds=1)) is Tier.KNOWS
    assert tier(piece(K.LIKE), now=edge) is Tier.STRANGER


def test_goals_say_how_much_more_is_missing_and_the_last_tier_has_none():
    chats = [piece(K.CHAT)]

    assert rules.goals(chats, TERMS, Tier.KNOWS, now=NOON) == [Goal((K.CHAT,), 2, 180)]
    assert rules.goals(chats, TERMS, Tier.TRUSTS, now=NOON) == [Goal((K.SUPER_USER,), 1, None)]
    assert rules.goals(chats, TERMS, Tier.SUPER_USER, now=NOON) == []


pieces = st.builds(
    lambda kind, minutes, rounds: Evidence(kind, NOON - timedelta(minutes=minutes), rounds if kind is K.CHAT else 1),
    st.sampled_from(EvidenceKind),
    st.integers(0, 800 * 24 * 60),
    st.integers(1, 4),
)


@settings(max_examples=150, deadline=None)
@any_of(st.lists(pieces, max_size=12).flatmap(lambda found: st.tuples(st.just(found), st.permutations(found))))
def test_the_same_evidence_in_any_order_gives_the_same_tier(orders):
    first, second = orders

    assert rules.derive(first, TERMS, now=NOON) == rules.derive(second, TERMS, now=NOON)


@settings(max_examples=100, deadline=None)
@any_of(st.lists(pieces, max_size=8))
def test_nothing_moves_before_the_next_review_and_something_does_at_it(evidence):
    verdict = rules.derive(evidence, TERMS, now=NOON)

    if verdict.next_review_at is None:
        assert tier(*evidence, now=NOON + 4000 * DAY) is verdict.tier
    else:
        assert tier(*evidence, now=verdict.next_review_at - timedelta(microseconds=1)) is verdict.tier
        assert tier(*evidence, now=verdict.next_review_at) is not verdict.tier


def test_terms_are_kept_as_json_and_read_again():
    assert Terms.read(TERMS.kept()) == TERMS
    assert TrustRules(0, Terms.read(TERMS.kept())) == DEFAULT
    rules.check(TERMS)


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        (replace(TERMS, rungs=TERMS.rungs[:-1]), "one for each tier"),
        (replace(TERMS, rungs=(replace(TERMS.rungs[0], any_of=(Need((K.LIKE,)),)), *TERMS.rungs[1:])), "STRANGER"),
        (replace(TERMS, rungs=(*TERMS.rungs[:5], Rung(Tier.SUPER_USER, (), 1, 1, NextAction.CARE))), "SUPER_USER"),
        (replace(TERMS, rungs=(replace(TERMS.rungs[0], messages=101), *TERMS.rungs[1:])), "messages is 101"),
        (replace(TERMS, rungs=(replace(TERMS.rungs[0], per_days=0), *TERMS.rungs[1:])), "perDays is 0"),
        (replace(TERMS, ceilings=(Ceiling(Need(()), Tier.KNOWS),)), "at least one kind"),
        (replace(TERMS, ceilings=(Ceiling(Need((K.LIKE,), 101), Tier.KNOWS),)), "atLeast is 101"),
        (replace(TERMS, ceilings=(Ceiling(Need((K.LIKE,), 1, 0), Tier.KNOWS),)), "withinDays is 0"),
        (replace(TERMS, ceilings=TERMS.ceilings * 3), "allowed: at most 10"),
        (replace(TERMS, silent_days=0), "silentDays is 0"),
    ],
)
def test_terms_that_cannot_be_are_refused_by_name(terms, words):
    with pytest.raises(BadInput, match=words):
        rules.check(terms)


def test_a_cap_counts_the_days_before_now_and_says_when_the_next_may_go():
    rung = replace(TERMS.rungs[1], messages=2, per_days=7)
    sent = [NOON - 8 * DAY, NOON - 6 * DAY, NOON - DAY]

    full = pacing_rules.pace(rung, sent, has_opted_out=False, now=NOON)
    free = pacing_rules.pace(rung, sent, has_opted_out=False, now=NOON + DAY)
    out = pacing_rules.pace(rung, [], has_opted_out=True, now=NOON)

    assert (full.left, full.next_at, full.may_message) == (0, NOON + DAY, False)
    assert (free.left, free.next_at, free.may_message) == (1, NOON + DAY, True)
    assert (out.left, out.next_at, out.may_message) == (2, None, False)
