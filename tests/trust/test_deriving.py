"""Tiers follow evidence: at once, when it gets too old, and when the rules are others; each move once in the history."""

from asyncio import gather
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import text

from domain.foundation.errors import BadInput
from domain.foundation.ids import new_id
from domain.trust import deriving, queries, store
from domain.trust.rules import DEFAULT, EvidenceKind, Need, Reason, Tier, TrustRulesChanged
from tests.conftest import NOON
from tests.statements import count_statements
from workers import trust as worker

DAY = timedelta(days=1)
K = EvidenceKind


async def moves_of(given, account_id):
    page = await queries.history(given.db, account_id, first=100)
    return [(move.from_tier, move.to_tier, move.moved_at) for move in reversed(page.rows)]


async def test_whoever_nobody_knows_is_a_stranger(given):
    somebody = await given.shopper()

    assert await queries.tiers_of(given.db, [somebody]) == {somebody: Tier.STRANGER}
    assert await given.reviewed() == 0


async def test_evidence_moves_up_and_down_and_every_move_is_kept_with_its_reasons(given):
    somebody = await given.shopper()
    await given.evidence(somebody, K.LIKE)
    assert await given.tier(somebody) is Tier.KNOWS
    await given.evidence(somebody, K.CHAT, amount=3)
    assert await given.tier(somebody) is Tier.ACQUAINTED
    await given.evidence(somebody, K.PURCHASE)
    assert await given.tier(somebody) is Tier.TRUSTS
    await given.evidence(somebody, K.COMPLAINT)
    assert await given.tier(somebody) is Tier.APPROVES

    page = await queries.history(given.db, somebody, first=2)

    assert [(move.from_tier, move.to_tier) for move in page.rows] == [
        (Tier.TRUSTS, Tier.APPROVES),
        (Tier.ACQUAINTED, Tier.TRUSTS),
    ]
    assert page.rows[0].reasons == (Reason((K.COMPLAINT,), 1, NOON, Tier.APPROVES),)
    assert page.rows[1].reasons == (Reason((K.PURCHASE,), 1, NOON),)
    assert {move.rule_version for move in page.rows} == {0}
    assert len((await queries.history(given.db, somebody, first=2, after=page.cursors[-1])).rows) == 2


async def test_evidence_of_one_cause_stands_once_and_of_what_is_frequent_once_a_day(given):
    somebody = await given.shopper()
    for _ in range(3):
        await given.evidence(somebody, K.CHAT, cause="wecom-1", amount=1)
        await given.evidence(somebody, K.COMMENT)
    await given.evidence(somebody, K.COMMENT, at=NOON + timedelta(hours=12))

    found = (await store.evidence_of(given.db, [somebody]))[somebody]

    assert Counter(piece.kind for piece in found) == {K.CHAT: 1, K.COMMENT: 2}


async def test_what_gets_too_old_is_reviewed_at_that_moment_and_not_before(given):
    somebody = await given.shopper()
    await given.evidence(somebody, K.LIKE)
    await given.reviewed()
    edge = NOON + 90 * DAY

    assert await given.reviewed(at=edge - timedelta(microseconds=1)) == 0
    assert await given.reviewed(at=edge) == 1
    assert await moves_of(given, somebody) == [
        (Tier.STRANGER, Tier.KNOWS, NOON),
        (Tier.KNOWS, Tier.STRANGER, edge),
    ]
    assert (await queries.standings_by_ids(given.db, [somebody]))[somebody].since == edge


async def test_new_rules_are_applied_to_everybody_in_batches(given):
    people = await given.shoppers(5)
    for each in people:
        await given.evidence(each, K.CHAT, amount=3)
    await given.reviewed()
    rungs = list(DEFAULT.terms.rungs)
    rungs[2] = replace(rungs[2], any_of=(Need((K.CHAT,), 5, 180),))

    after = await given.trust_rules(replace(DEFAULT.terms, rungs=tuple(rungs)))
    batches = [await deriving.review_by_new_rules(given.db, now=NOON, limit=2) for _ in range(4)]

    assert after.version == 1
    assert batches == [2, 2, 1, 0]
    assert set((await queries.tiers_of(given.db, people)).values()) == {Tier.KNOWS}
    assert {each.rule_version for each in (await queries.standings_by_ids(given.db, people)).values()} == {1}


async def test_fresh_evidence_does_not_wait_until_new_rules_are_applied_to_everybody(given, monkeypatch):
    people = sorted(await given.shoppers(4))
    for each in people:
        await given.evidence(each, K.LIKE)
    await given.reviewed()
    rungs = list(DEFAULT.terms.rungs)
    rungs[1] = replace(rungs[1], any_of=(Need((K.CHAT,)),))
    await given.trust_rules(replace(DEFAULT.terms, rungs=tuple(rungs)))
    by_new_rules, buyer = deriving.review_by_new_rules, []

    async def somebody_buys_meanwhile(db, **more):
        found = await by_new_rules(db, **more)
        if not buyer:
            standings = await queries.standings_by_ids(db, people)
            buyer.append(next(each for each in people if standings[each].rule_version == 0))
            await given.evidence(buyer[0], K.PURCHASE)
        return found

    monkeypatch.setattr(worker, "REVIEWED_AT_ONCE", 1)
    monkeypatch.setattr(deriving, "review_by_new_rules", somebody_buys_meanwhile)
    await worker.review(SimpleNamespace(market=given.market, now=lambda: NOON))

    moved = text("SELECT account_id, to_tier FROM trust_moves WHERE rule_version = 1 ORDER BY position")
    moves = [(row.account_id, row.to_tier) for row in await given.db.rows(moved)]
    assert moves[1] == (buyer[0], Tier.TRUSTS)
    assert [tier for _, tier in moves] == [Tier.STRANGER, Tier.TRUSTS, Tier.STRANGER, Tier.STRANGER]


async def test_the_same_terms_again_change_nothing_and_one_of_two_setters_is_told(given):
    other = replace(DEFAULT.terms, silent_days=30)
    third = replace(DEFAULT.terms, silent_days=60)

    assert (await given.trust_rules(DEFAULT.terms)).version == 0
    outcomes = await gather(
        *(deriving.set_rules(given.db, terms=terms, version=0, by=new_id(), now=NOON) for terms in (other, third)),
        return_exceptions=True,
    )

    assert Counter(type(outcome) for outcome in outcomes)[TrustRulesChanged] == 1
    assert await given.db.value(text("SELECT count(*) FROM trust_rules")) == 1
    assert await given.db.value(text("SELECT count(*) FROM staff_deeds WHERE deed = 'set_trust_rules'")) == 1
    with pytest.raises(BadInput):
        await deriving.set_rules(given.db, terms=replace(third, silent_days=0), version=1, by=new_id(), now=NOON)


async def test_reviewers_side_by_side_and_writers_between_leave_everybody_where_their_evidence_puts_them(given):
    people = await given.shoppers(20)

    async def write(each):
        await given.evidence(each, K.LIKE)
        await given.evidence(each, K.PURCHASE)

    async def review():
        for _ in range(6):
            await deriving.review_due(given.db, now=NOON, limit=7)

    await gather(*(write(each) for each in people), review(), review(), review())
    await given.reviewed()

    assert set((await queries.tiers_of(given.db, people)).values()) == {Tier.TRUSTS}
    counted = text("SELECT account_id, sum(to_tier - from_tier) AS rise FROM trust_moves GROUP BY 1")
    assert {row.rise for row in await given.db.rows(counted)} == {int(Tier.TRUSTS)}


async def test_a_review_of_many_costs_four_statements_and_evidence_one(given):
    people = await given.shoppers(50)
    async with given.db.transaction() as tx:
        pieces = [store.Piece.of(each, K.LIKE, NOON) for each in people]
        with count_statements(given.db) as recorded:
            await store.record(tx, pieces, now=NOON)

    with count_statements(given.db) as reviewed:
        assert await deriving.review_due(given.db, now=NOON, limit=100) == 50

    assert (len(recorded), len(reviewed)) == (1, 4)


async def test_tiers_are_counted_and_paged_with_and_without_a_tag(given):
    people = sorted(await given.shoppers(3))
    for each in people:
        await given.evidence(each, K.LIKE)
    await given.evidence(people[1], K.PURCHASE)
    await given.reviewed()

    first = await queries.of_tier(given.db, Tier.KNOWS, first=1)
    second = await queries.of_tier(given.db, Tier.KNOWS, first=1, after=first.cursors[-1])

    assert [*first.rows, *second.rows] == [people[0], people[2]]
    assert (first.has_next, second.has_next) == (True, False)
    assert (await queries.of_tier(given.db, Tier.KNOWS, tag="老客", first=9)).rows == []
    assert await queries.counts(given.db) == []
    assert await given.tiers_counted() == {**dict.fromkeys(Tier, 0), Tier.KNOWS: 2, Tier.TRUSTS: 1}
    await given.evidence(people[0], K.PURCHASE)
    await given.reviewed()
    assert await given.tiers_counted() == {**dict.fromkeys(Tier, 0), Tier.KNOWS: 1, Tier.TRUSTS: 2}
