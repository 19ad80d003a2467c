"""The group-buys (拼团) of the evening: two fill through shared links, one expires, one is completed by the merchant."""

from asyncio import gather
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from cli.demo import books, group_errands
from cli.demo.door import Answer, MarketFault, ask_gateway, expect
from cli.demo.group_telling import endings_of, figures_of, poster_of
from cli.demo.neighbour import Neighbour
from cli.demo.patience import until
from cli.demo.stall import Goods, sale_price
from cli.demo.till import Till
from cli.report.group_buys import Contest, GroupBuysReport, GroupFigures, Poster
from domain.audit.rules import yuan
from domain.foundation import clock
from domain.foundation.runtime import Market

SEATS = 3
GROUPS = 3
UNITS = (GROUPS + 1) * SEATS
TITLE, SHORT_TITLE = "三人团", "限时三人团"
LONGEST_TITLE = 100
FILL_SECONDS = 600
SHORT_SECONDS = 8
"""What the group has that is to expire: enough for two to pay, also on a slow machine, and short enough to be waited for."""
JOINERS = 5
USUAL_MINOR = 10_000
WINDOW = timedelta(hours=1)
REASON = "差一位，商家让利成团"


@dataclass(frozen=True)
class Group:
    """A group and whoever opened it."""

    id: str
    leader: Neighbour
    has_link: bool = True


@dataclass
class GroupBuys:
    """The group-buys of an open market: the merchandiser, and neighbours who bring each other."""

    till: Till
    market: Market
    staff: str
    tag: str

    async def hold(self, goods: Sequence[Goods], show: Callable[[str], None]) -> GroupBuysReport | None:
        """Four groups from their opening to their end; None where too little is left for them. Raises MarketFault."""
        chosen = for_groups(goods)
        if chosen is None:
            show(f"no goods have {UNITS} units left: no group is opened")
            return None
        before = await self._sent_back()
        campaign = await self._campaign(chosen, TITLE, groups=GROUPS, fill_seconds=FILL_SECONDS)
        short = await self._campaign(chosen, SHORT_TITLE, groups=1, fill_seconds=SHORT_SECONDS)
        show(f"4 groups of {SEATS}")
        (groups, contest, poster), expiring = await gather(self._evening(campaign, show), self._expiring(short))
        show("3 groups have their price; the fourth runs out of time")
        await self._expired(expiring)
        refunds, refunded_minor = await self._refunds_since(before, count=2)
        (item,) = campaign["items"]
        told = GroupBuysReport(
            title=campaign["title"],
            seats=SEATS,
            group_price_minor=item["groupPrice"]["minor"],
            solo_price_minor=item["soloPrice"]["minor"],
            groups=[await self._figures(group) for group in (*groups, expiring)],
            contest=contest,
            refunds=refunds,
            refunded_minor=refunded_minor,
            books=await books.of_group_buys(self.market, [campaign["id"], short["id"]]),
            poster=poster,
        )
        for each in (campaign, short):
            expect(await self._run(group_errands.STOP, id=each["id"]), "GroupBuyCampaign")
        show(f"{endings_of(told.groups)}; {refunds} refunds, {yuan(refunded_minor)}")
        return told

    async def _campaign(self, goods: Goods, title: str, *, groups: int, fill_seconds: int) -> Answer:
        now = clock.now()
        wish = {
            "title": f"{goods.title[:LONGEST_TITLE]} · {title}",
            "opensAt": now.isoformat(),
            "closesAt": (now + WINDOW).isoformat(),
            "seats": SEATS,
            "fillSeconds": fill_seconds,
            "items": [{"skuId": goods.sku_id, "groupPriceMinor": sale_price(goods), "units": groups * SEATS}],
            "idempotencyKey": f"{self.tag}-campaign-{fill_seconds}",
        }
        draft = expect(await self._run(group_errands.CREATE, input=wish), "GroupBuyCampaign")
        return expect(await self._run(group_errands.PUBLISH, id=draft["id"]), "GroupBuyCampaign")

    async def _evening(self, campaign: Answer, show: Callable[[str], None]) -> tuple[Sequence[Group], Contest, Poster]:
        """Three groups that have their price in the end."""
        by_link, poster = await self._filled_by_link(campaign)
        show("a group has filled through its link")
        alone = await self._open("马师傅", campaign, has_link=False)
        contested, contest, too_late, offer = await self._contested(campaign)
        show(f"{contest.joiners} wanted the last seat of another, {contest.seated} has it")
        if offer != alone.id:
            raise MarketFault(f"whoever came too late was offered {offer}, not {alone.id}")
        await self._sit(too_late, offer, campaign)
        await self._is_paid(alone, seats=2)
        wish = {"groupBuyId": alone.id, "reason": REASON, "idempotencyKey": f"{self.tag}-complete"}
        expect(await self._run(group_errands.COMPLETE, input=wish), "GroupBuy")
        return (by_link, contested, alone), contest, poster

    async def _filled_by_link(self, campaign: Answer) -> tuple[Group, Poster]:
        """Three open the link, two of them sign in and join; meanwhile a poster is made."""
        group = await self._open("周奶奶", campaign)
        link = await group.leader.share(group.id)
        poster, _ = await gather(self._poster(group.leader, link), self._fill(group, link, campaign))
        return group, poster

    async def _fill(self, group: Group, link: Answer, campaign: Answer) -> None:
        guests = self._neighbours("周家邻居", SEATS - 1)
        await self._come(group, link, guests, self._neighbours("路过", 1))
        await gather(*(self._sit(guest, group.id, campaign) for guest in guests))
        await self._has_filled(group)

    async def _contested(self, campaign: Answer) -> tuple[Group, Contest, Neighbour, str]:
        """Several want the last seat at the same moment; also one who came too late, and the group that they were offered."""
        group = await self._open("陈小渔", campaign)
        first, *joiners = self._neighbours("陈家邻居", 1 + JOINERS)
        await self._come(group, await group.leader.share(group.id), [first, *joiners])
        await self._sit(first, group.id, campaign)
        answers = await gather(*(joiner.join(group.id, campaign) for joiner in joiners))
        answered = list(zip(joiners, answers, strict=True))
        seated = [(joiner, answer) for joiner, answer in answered if answer["__typename"] == "GroupBuySeat"]
        late = [(joiner, answer["another"]) for joiner, answer in answered if answer.get("another")]
        if not late or len(seated) + len(late) != JOINERS:
            raise MarketFault(f"the last seat was wanted by {JOINERS}, who were answered {answers}")
        await gather(*(joiner.pay(seat) for joiner, seat in seated))
        await self._has_filled(group)
        too_late, offer = late[0]
        contest = Contest(JOINERS, seated=len(seated), offered=len(late), to_group_of=offer["leader"]["name"])
        return group, contest, too_late, offer["id"]

    async def _expiring(self, campaign: Answer) -> Group:
        """Two of three pay, one of them by the link, signed in already; nobody else comes."""
        (guest,) = self._neighbours("苏家邻居", 1)
        await guest.sign_in()
        group = await self._open("苏禾", campaign)
        await guest.look_at(await group.leader.share(group.id))
        await self._sit(guest, group.id, campaign)
        return group

    async def _expired(self, group: Group) -> None:
        """Wait until the group's time is over and nothing more will happen in it: every member has the money back."""
        await until(
            lambda: self._news(group.id),
            lambda news: news["groupBuy"]["state"] == "EXPIRED" and news["pollAfterMs"] is None,
            "a group expires and its money goes back",
            more=SHORT_SECONDS,
        )

    async def _open(self, name: str, campaign: Answer, *, has_link: bool = True) -> Group:
        """A group whose opener has paid."""
        (leader,) = self._neighbours(name, 1)
        await leader.sign_in()
        seat = await leader.open_group(campaign)
        await leader.pay(seat)
        group = Group(seat["groupBuy"]["id"], leader, has_link)
        await self._is_paid(group, seats=1)
        return group

    async def _come(
        self, group: Group, link: Answer, guests: Sequence[Neighbour], passers_by: Sequence[Neighbour] = ()
    ) -> None:
        """All of them open the link, the guests sign in; wait until the leader sees it."""
        await gather(*(each.look_at(link) for each in (*guests, *passers_by)))
        await gather(*(guest.sign_in() for guest in guests))
        await until(group.leader.funnel, lambda seen: seen.signed_in == len(guests), "a funnel counts who signed in")

    async def _sit(self, guest: Neighbour, group_id: str, campaign: Answer) -> None:
        await guest.pay(expect(await guest.join(group_id, campaign), "GroupBuySeat"))

    async def _is_paid(self, group: Group, *, seats: int) -> None:
        await until(
            lambda: self._news(group.id), lambda news: news["groupBuy"]["paid"] >= seats, f"{seats} seats are paid"
        )

    async def _has_filled(self, group: Group) -> None:
        await until(lambda: self._news(group.id), lambda news: news["groupBuy"]["state"] == "FILLED", "a group fills")

    async def _figures(self, group: Group) -> GroupFigures:
        funnel = None
        if group.has_link:
            funnel = await until(group.leader.funnel, lambda seen: seen.paid == seen.joined, "a funnel counts who paid")
        return figures_of(await self._news(group.id), funnel)

    async def _poster(self, leader: Neighbour, link: Answer) -> Poster:
        address = await leader.poster(link)
        async with self.till.wallets.get(address) as response:
            if response.status != 200:
                raise MarketFault(f"{address} answers {response.status}")
            return poster_of(urlsplit(address).path, await response.read())

    async def _sent_back(self) -> Answer:
        """What the gateway has sent back so far, in payments and in fen."""
        told = await ask_gateway(self.till.wallets, f"{self.market.settings.wechat_url}/simulator/statement")
        found: Answer = told["refunded"]
        return found

    async def _refunds_since(self, before: Answer, *, count: int) -> tuple[int, int]:
        now = await until(
            self._sent_back, lambda now: now["payments"] >= before["payments"] + count, "the gateway sends money back"
        )
        return now["payments"] - before["payments"], now["minor"] - before["minor"]

    async def _news(self, group_id: str) -> Answer:
        return expect(await self.till.door.ask(group_errands.NEWS, id=group_id), "GroupBuyNews")

    async def _run(self, operation: str, **variables: object) -> Answer:
        return await self.till.door.ask(operation, self.staff, **variables)

    def _neighbours(self, name: str, count: int) -> list[Neighbour]:
        """Names carry the run's tag, so that every rehearsal has new people."""
        numbers = range(1, count + 1) if count > 1 else [""]
        return [Neighbour(self.till, f"{name}{number} {self.tag}") for number in numbers]


def for_groups(goods: Sequence[Goods]) -> Goods | None:
    """What is sold in groups: of those with enough units the dearest that is cheaper than a hundred yuan, else the cheapest."""
    fit = [one for one in goods if one.available >= UNITS and one.price_minor > 1]
    usual = [one for one in fit if one.price_minor < USUAL_MINOR]
    cheapest = min(fit, key=lambda one: one.price_minor, default=None)
    return max(usual, key=lambda one: one.price_minor, default=cheapest)
