"""Random histories of people who open links, sign in, order and pay: the figures are those of the rule, told a second time."""

import random
from collections import Counter, defaultdict
from datetime import timedelta

import pytest
from sqlalchemy import text

from domain.foundation.ids import new_id
from domain.sharing import attributing, visiting
from domain.sharing.rules import CLOCKS_DIFFER, Funnel
from tests.given.sharing import SHARE_DAYS

DAYS = timedelta(days=SHARE_DAYS)

RECOUNTED = text("""
    SELECT id, (SELECT count(*) FROM share_visits WHERE link_id = link.id) AS opened,
           (SELECT count(*) FROM share_visits WHERE link_id = link.id AND outcome = 'counted') AS signed_in,
           (SELECT count(*) FROM share_attributions WHERE link_id = link.id) AS joined,
           (SELECT count(paid_at) FROM share_attributions WHERE link_id = link.id) AS paid
    FROM share_links AS link
""")


class Rule:
    """The rule, as plainly as it can be said: everything is remembered, and nothing is quick."""

    def __init__(self):
        self.visits = {}  # (link, device, None) or (link, None, shopper): (outcome, openings that count)
        self.figures = defaultdict(Counter)

    def last(self, shopper, before=None):
        """(moment, link) of the share that the shopper opened last, with openings before this moment only."""
        openings = [
            (moment, number, link)
            for number, ((link, _, whose), (outcome, moments)) in enumerate(self.visits.items())
            if whose == shopper and outcome == "counted"
            for moment in moments
            if before is None or moment <= before
        ]
        return max(openings)[::2] if openings else None

    def leads(self, shopper, now):
        last = self.last(shopper)
        return last[1].sharer_id if last and now - CLOCKS_DIFFER < last[0] + DAYS else None

    def judge(self, link, shopper, now):
        if link.sharer_id == shopper:
            return "oneself"
        person, seen = link.sharer_id, set()
        while person is not None and person not in seen:
            if person == shopper:
                return "circular"
            seen.add(person)
            person = self.leads(person, now)
        return "counted"

    def open(self, link, device, shopper, at):
        if shopper is None:
            return self.note(link, device, None, None, at)
        outcome = self.judge(link, shopper, at)
        waiting = self.visits.get((link, device, None))
        if (link, None, shopper) not in self.visits and waiting and waiting[1] and at < waiting[1][-1] + DAYS:
            return self.take(link, device, shopper, outcome, at)
        return self.note(link, device, shopper, outcome, at)

    def claim(self, device, shopper, at):
        waiting = [
            (moments[-1], link)
            for (link, where, whose), (_, moments) in self.visits.items()
            if whose is None and where == device and moments and at < moments[-1] + DAYS
        ]
        outcomes = {link: self.judge(link, shopper, at) for _, link in waiting}
        for moment, link in sorted(waiting, key=lambda each: each[0], reverse=True):
            if (link, None, shopper) in self.visits:
                self.note(link, device, shopper, outcomes[link], moment)
                self.visits[link, device, None][1].clear()
            else:
                self.take(link, device, shopper, outcomes[link], None)

    def take(self, link, device, shopper, outcome, at):
        _, moments = self.visits.pop((link, device, None))
        self.visits[link, None, shopper] = (outcome, moments + ([at] if at else []))
        self.figures[link]["signed_in"] += outcome == "counted"

    def note(self, link, device, shopper, outcome, at):
        key = (link, None, shopper) if shopper else (link, device, None)
        before, moments = self.visits.get(key, (None, []))
        if key not in self.visits:
            self.figures[link]["opened"] += 1
        if before == "counted" and outcome == "circular":
            return
        if outcome == "counted" and before != "counted":
            self.figures[link]["signed_in"] += 1
            moments = []
        self.visits[key] = (outcome, sorted([*moments, at]))

    def order(self, shopper, at):
        last = self.last(shopper, before=at)
        link = last[1] if last and at < last[0] + DAYS else None
        if link:
            self.figures[link]["joined"] += 1
        return link


@pytest.mark.parametrize("seed", range(3))
async def test_what_came_of_every_link_is_what_the_rule_says(db, given, now, seed):
    chance, rule = random.Random(seed), Rule()
    people = await given.shoppers(4)
    links = [await given.link(sharer_id, campaign=c) for sharer_id in people for c in ("", "双十一")]
    devices = [f"phone {number}" for number in range(5)]
    orders, at = [], now

    for _ in range(200):
        at += timedelta(minutes=chance.choice([1, 5, 30, 2000]))
        link, device, shopper = chance.choice(links), chance.choice(devices), chance.choice(people)
        match chance.choice(["open", "open as", "open as", "sign in", "order", "order", "pay"]):
            case "open":
                rule.open(link, device, None, at)
                await given.visit(link, on=device, at=at)
            case "open as":
                rule.open(link, device, shopper, at)
                await given.visit(link, by=shopper, on=device, at=at)
            case "sign in":
                rule.claim(device, shopper, at)
                for _ in range(2):
                    await visiting.claim(db, visitor=device, shopper_id=shopper, signed_in_at=at, now=at)
            case "order":
                orders.append(((expected := rule.order(shopper, at)), new_id()))
                for _ in range(2):
                    found = await given.attributed(shopper, at=at, order_id=orders[-1][1])
                    assert found == (expected and expected.id)
            case "pay" if orders:
                came_of, order_id = orders.pop(chance.randrange(len(orders)))
                if came_of:
                    rule.figures[came_of]["paid"] += 1
                for _ in range(2):
                    async with db.transaction() as tx:
                        await attributing.paid(tx, order_id=order_id, paid_at=at)

    figures = {link.id: await given.funnel(link) for link in links}
    assert figures == {link.id: Funnel(**rule.figures[link]) for link in links}
    assert figures == {row.id: Funnel(*row[1:]) for row in await db.rows(RECOUNTED)}
    assert min(sum(getattr(each, step) for each in figures.values()) for step in Funnel.__slots__) >= 5
    assert {outcome for outcome, _ in rule.visits.values()} == {None, "counted", "oneself", "circular"}
