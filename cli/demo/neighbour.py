"""A neighbour with a phone: opens groups and links, signs in, joins, pays, shares."""

from dataclasses import dataclass

from cli.demo import group_errands
from cli.demo.door import Answer, address_of, expect, sign_in
from cli.demo.patience import until
from cli.demo.till import Till
from cli.report.group_buys import Funnel

CHANNEL = "wechat_group"


@dataclass
class Neighbour:
    """Somebody who comes through the house's door on a device of their own; nobody in particular until they sign in."""

    till: Till
    name: str
    token: str = ""

    @property
    def device(self) -> str:
        """What the phone calls itself."""
        return f"phone-{address_of(self.name)}"

    async def look_at(self, link: Answer) -> None:
        """Open a share link, signed in or not."""
        wish = {"token": link["token"]}
        if self.token:
            answer = await self._ask(group_errands.OPEN_LINK, input=wish)
        else:
            home = address_of(self.name)
            answer = await self.till.door.ask_from(home, group_errands.OPEN_LINK, device=self.device, input=wish)
        expect(answer, "OpenedShare")

    async def sign_in(self) -> None:
        """Be somebody from now on; what was opened on the phone before is theirs."""
        self.token = await sign_in(self.till.door, self.name, device=self.device)

    async def open_group(self, campaign: Answer) -> Answer:
        """One's seat in a new group, not paid yet."""
        wish = {"campaignId": campaign["id"], "itemId": campaign["items"][0]["id"], "idempotencyKey": self._key("open")}
        return expect(await self._ask(group_errands.OPEN, input=wish), "GroupBuySeat")

    async def join(self, group_id: str, campaign: Answer) -> Answer:
        """One's seat, not paid yet; or GroupBuyFull."""
        wish = {"groupBuyId": group_id, "itemId": campaign["items"][0]["id"]}
        return await self._ask(group_errands.JOIN, input={**wish, "idempotencyKey": self._key(f"join-{group_id}")})

    async def pay(self, seat: Answer) -> None:
        """Pay for a seat; the group hears of it a little later."""
        await self.till.pay(self.token, seat["order"]["id"], key=self._key("pay"))

    async def share(self, group_id: str) -> Answer:
        """A link to the group."""
        wish = {"targetId": group_id, "channel": CHANNEL}
        return expect(await self._ask(group_errands.SHARE, input=wish), "ShareLink")

    async def poster(self, link: Answer) -> str:
        """The address of the poster of one's link, once it is made. Raises MarketFault when it never is."""
        expect(await self._ask(group_errands.WANT_POSTER, input={"linkId": link["id"]}), "SharePoster")
        made = await until(
            lambda: self._ask(group_errands.POSTER, id=link["id"]),
            lambda poster: poster["state"] == "READY",
            "a poster",
        )
        return str(made["url"])

    async def funnel(self) -> Funnel:
        """What came of the last link that they shared."""
        (link,) = (await self._ask(group_errands.MY_LINKS))["nodes"]
        found = link["funnel"]
        return Funnel(found["opened"], found["signedIn"], found["joined"], found["paid"])

    async def _ask(self, operation: str, **variables: object) -> Answer:
        return await self.till.door.ask(operation, self.token, **variables)

    def _key(self, what: str) -> str:
        return f"{self.device}-{what}"
