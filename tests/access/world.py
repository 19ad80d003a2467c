"""A small market in which everything there is belongs to one shopper, and the marks by which it is known again."""

from dataclasses import dataclass, field
from datetime import date, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, text

from api.access import Who
from domain.accounts import actions as accounts
from domain.accounts import people, sessions
from domain.accounts.rules import STAFF, Principal, Role
from domain.addresses.rules import Destination
from domain.after_sales.rules import AfterSaleState
from domain.audiences import refreshing
from domain.audiences.rules import Crowd, CrowdKind, Door, Doors
from domain.audiences.segment_rules import SegmentRule
from domain.back_office import actions as back_office
from domain.benefits.rules import BenefitKind
from domain.chats import moderating
from domain.check_ins.rules import StreakReward
from domain.checkout.rules import Wish
from domain.draws import queries as draws
from domain.flash_sales import queries as flash_sales
from domain.flash_sales.actions import NewItem as SaleItem
from domain.flash_sales.tables import sales, slots
from domain.foundation.ids import decode, encode, new_id
from domain.group_buys.rules import NewItem as GroupItem
from domain.insights import member_days
from domain.live_rooms import running, selling
from domain.live_rooms import store as live_rooms
from domain.live_rooms.rules import Channel
from domain.orders.rules import Order
from domain.payments.tables import refunds
from domain.points import actions as points
from domain.points.rules import Terms
from domain.posters import actions as posters
from domain.pricing.rules import Fulfilment, Wanted
from domain.products.rules import Image, State, Variant
from domain.sharing import attributing
from domain.sharing.rules import TargetKind
from domain.shipments.tables import tracking_events
from domain.super_users import queries as super_users
from domain.trust import caring
from domain.trust.rules import EvidenceKind
from domain.viewers import store as viewers
from domain.viewers.counting import Tally
from domain.viewers.rules import Viewer
from tests.given import Given
from tests.given.renewals import contract_with_charge

HOME = Destination("沈听澜", "13977887788", "上海市", "上海市", "静安区", "310106", "听澜里 7788 号")
STAFF_NAME = "柜台后的阿岚"


@dataclass(frozen=True)
class Persona:
    """Somebody who asks. All that is anybody's in this world is the owner's."""

    name: str
    account_id: UUID | None
    roles: frozenset[Role] = frozenset()

    def is_one_of(self, who: Who) -> bool:
        """Whether the rule admits them, by its own words and not by the code under test."""
        is_owner = self.name == "owner"
        return {
            Who.ANYONE: True,
            Who.INHERITED: True,
            Who.SIGNED_IN: self.account_id is not None,
            Who.OWNER: is_owner or bool(self.roles & STAFF),
            Who.ONLY_OWNER: is_owner,
            Who.CREW: is_owner or bool(self.roles & {Role.MERCHANDISER, Role.ADMIN}),
            Who.CREW_OR_STAFF: is_owner or bool(self.roles & STAFF),
            Who.STAFF: bool(self.roles & STAFF),
            Who.MERCHANDISER: bool(self.roles & {Role.MERCHANDISER, Role.ADMIN}),
            Who.FINANCE: bool(self.roles & {Role.FINANCE, Role.ADMIN}),
            Who.ADMIN: Role.ADMIN in self.roles,
        }[who]


@dataclass
class World:
    """What there is: typed ids by what they are of, and texts that only some may read."""

    given: Given
    personas: dict[str, Persona]
    ids: dict[str, str] = field(default_factory=dict)
    marks: dict[str, Who] = field(default_factory=dict)

    def has(self, name: str, key: UUID, who: Who | None = None) -> None:
        """There is this, called `name`, or `prefix` or `prefix/which` by its id; its id is a mark where `who` is given."""
        self.ids[name] = encode(name.partition("/")[0], key)
        if who is not None:
            self.marks[self.ids[name]] = who


async def built(given: Given) -> World:
    """The world, now."""
    owner = await given.shopper("owner")
    personas = {
        "anonymous": Persona("anonymous", None),
        "owner": Persona("owner", owner),
        "other": Persona("other", await given.shopper("other")),
    }
    for role in (Role.HOST, Role.LEADER, Role.MERCHANDISER, Role.FINANCE, Role.ADMIN):
        name = STAFF_NAME if role is Role.ADMIN else role.value
        personas[role.value] = Persona(role.value, await given.shopper(name), frozenset({role}))
    world = World(given, personas)
    world.has("account", owner, Who.OWNER)
    await _devices(world, owner)
    await _shelves(world)
    await _shares(world, owner)
    await _supplier(world)
    await _orders(world, owner)
    # once everything is ordered: late in the evening what is on a ladder costs nothing
    await given.ladder(given_id(world, "store"), given_id(world, "sku"))
    await _flash_sale(world, owner)
    await _group_buy(world, owner)
    await _coupons(world, owner)
    await _points(world, owner)
    await _benefits(world, owner)
    await _memberships(world, owner)
    await _trust(world, owner)
    await contract_with_charge(given, owner)
    await _poll(world)
    await _segments(world, owner)
    await _levels(world, owner)
    await _doors(world)
    await _live_room(world, owner)
    await _lucky_draws(world, owner)
    await _books(world)
    [fan] = await given.super_users(1)
    world.has("account/fan", fan, Who.STAFF)
    await given.tiers_counted()
    await member_days.keep(given.db, now=given.now)
    return world


async def _devices(world: World, owner: UUID) -> None:
    given = world.given
    async with given.db.transaction() as tx:
        account = await accounts.account_of(tx, owner)
        signed_in = await sessions.start(
            tx, settings=given.market.settings, account=account, device="玄关平板", now=given.now
        )
    assert signed_in.principal.session_id is not None
    world.has("session", signed_in.principal.session_id, Who.ONLY_OWNER)
    world.marks |= {"玄关平板": Who.ONLY_OWNER}


async def _shelves(world: World) -> None:
    given = world.given
    variant = Variant(("红",), 1990, cost_minor=7777)
    images = (Image("https://img.example/1.jpg", "图"),)
    about: dict[str, Any] = {"variants": (variant,), "option_names": ("颜色",), "category_path": "食品 > 酒酿"}
    kept = await given.product("桂花酒酿", units=50, images=images, **about)
    draft = await given.product("未上架的新品", handle="secret-draft", state=State.DRAFT)
    store_id = await given.pickup_store()
    await given.freight()
    await given.sale_price(kept.sku_ids[0], 1790)
    await given.minimum(Fulfilment.DELIVERY, 100)
    await given.deal_day(kept.sku_ids[0], date(2026, 11, 1), 1690)
    world.has("product", kept.id)
    world.has("sku", kept.sku_ids[0])
    world.has("category", await given.category_id("食品 > 酒酿"))
    world.has("product/draft", draft.id, Who.STAFF)
    world.has("sku/draft", draft.sku_ids[0], Who.STAFF)
    world.has("store", store_id)
    world.has("freight", await _only(world, "freight_templates"), Who.STAFF)
    world.has("saleprice", await _only(world, "sale_prices"), Who.STAFF)
    world.marks |= {"未上架的新品": Who.STAFF, "secret-draft": Who.STAFF, "77.77": Who.STAFF}


async def _shares(world: World, owner: UUID) -> None:
    given = world.given
    link = await given.link(owner, target_id=given_id(world, "product"), campaign="听澜的分享")
    await given.visit(link, by=world.personas["other"].account_id)
    world.has("sharelink", link.id, Who.ONLY_OWNER)
    market = given.market
    await posters.want(market.db, market.settings, link_id=link.id, by=owner, now=given.now)
    assert await posters.make(market.db, market.settings, link_id=link.id, now=given.now)
    world.marks |= {link.token: Who.ONLY_OWNER, link.campaign: Who.ONLY_OWNER}


async def _supplier(world: World) -> None:
    given = world.given
    supplier, _ = await given.supplier("guihua")
    (sku_id,) = await given.supplied(supplier, "幕后货号", cost_minor=6666)
    world.has("supplier", supplier.id, Who.STAFF)
    world.has("sku/supplied", sku_id)
    world.marks |= {"桂花坊": Who.STAFF, "幕后货号": Who.STAFF, "66.66": Who.STAFF}


async def _orders(world: World, owner: UUID) -> None:
    given = world.given
    address_id = await given.home_of(owner, HOME)
    ours, supplied = (given_id(world, name) for name in ("sku", "sku/supplied"))
    lines = (Wanted(ours, 3), Wanted(supplied, 2))
    order = await given.placed(Wish(owner, lines, Fulfilment.DELIVERY, address_id), remark="请放听澜里门卫")
    pickup = await given.placed(
        Wish(owner, (Wanted(ours, 1),), Fulfilment.PICKUP, store_id=given_id(world, "store")), key="order-pickup"
    )
    unpaid = await given.placed(Wish(owner, (Wanted(ours, 1),), Fulfilment.DELIVERY, address_id), key="order-unpaid")
    pending = await given.payment(unpaid)
    captured = [await given.money_for(paid) for paid in (order, pickup)]
    await given.hear_payments()
    order, pickup = [await given.order_again(paid.id) for paid in (order, pickup)]
    await _parcels(world, order)
    asked = await given.after_sale(order, {1: 1}, state=AfterSaleState.REFUNDING)
    requested = await given.after_sale(order, {2: 1})
    await _remark(world, order)
    await given.in_cart(owner, ours)
    world.has("address", address_id, Who.OWNER)
    for name, one in (("order", order), ("order/pickup", pickup), ("order/unpaid", unpaid)):
        world.has(name, one.id, Who.OWNER)
        world.marks[one.number] = Who.OWNER
    for name, payment in (("payment", captured[0]), ("payment/pickup", captured[1]), ("payment/unpaid", pending)):
        world.has(name, payment.id, Who.OWNER)
    world.has("aftersale", asked.id, Who.OWNER)
    world.has("aftersale/requested", requested.id, Who.OWNER)
    world.has("refund", (await given.db.column(select(refunds.c.id)))[0], Who.OWNER)
    assert pickup.pickup_code
    world.marks |= {pickup.pickup_code: Who.ONLY_OWNER, "听澜": Who.OWNER, HOME.phone: Who.OWNER}


async def _parcels(world: World, order: Order) -> None:
    given = world.given
    parcel = await given.shipped(order, {1: 1}, number="SF7788778877887")
    theirs = await given.shipped(order, {2: 1}, number="SF7788778877999")
    seen = {"shipment_id": parcel.id, "happened_at": given.now, "told_at": given.now, "state": "moving"}
    async with given.db.transaction() as tx:
        await tx.execute(insert(tracking_events).values(**seen, words="已到听澜里", place="静安"))
    await given.hear_shipments()
    world.has("shipment", parcel.id, Who.OWNER)
    world.has("shipment/supplied", theirs.id, Who.OWNER)
    world.marks |= {parcel.tracking_number: Who.OWNER, theirs.tracking_number: Who.OWNER}


async def _remark(world: World, order: Order) -> None:
    given, by = world.given, world.personas["admin"].account_id
    assert by is not None
    noted = {"by": by, "words": "买家很着急", "idempotency_key": "remark-0001", "now": given.now}
    await back_office.remark_order(given.db, order_id=order.id, **noted)
    world.marks |= {"买家很着急": Who.STAFF, STAFF_NAME: Who.STAFF, encode("account", by): Who.STAFF}


async def _flash_sale(world: World, owner: UUID) -> None:
    given = world.given
    sale, item = (made := await given.flash_sale(units=9, waiting_places=5)).sale, made.item
    draft = await given.flash_sale(warm=False)
    claimed = await given.desk().claim(
        leave=given.leave(item, owner), shopper_id=owner, quantity=1, request_id="claim-0001", now=given.now
    )
    await given.reserved_all(item)
    ticket = (await flash_sales.tickets_by_ids(given.db, [claimed.ticket_id]))[claimed.ticket_id]
    assert ticket.order_id is not None
    slot_id = new_id()
    async with given.db.transaction() as tx:
        await tx.execute(insert(slots).values(id=slot_id, name="全天场", starts_at=time(0), minutes=1440))
        await tx.execute(sales.update().where(sales.c.id == draft.sale.id).values(title="未公布的抢购"))
    world.ids["pass"] = given.leave(item, owner)
    world.has("flashsale", sale.id)
    world.has("saleitem", item.id)
    world.has("slot", slot_id)
    world.has("flashsale/draft", draft.sale.id, Who.STAFF)
    world.has("saleitem/draft", draft.item.id, Who.STAFF)
    world.has("ticket", claimed.ticket_id, Who.ONLY_OWNER)
    world.has("order/claimed", ticket.order_id, Who.OWNER)
    world.marks["未公布的抢购"] = Who.STAFF


async def _group_buy(world: World, owner: UUID) -> None:
    given = world.given
    campaign = await given.campaign(seats=9)
    draft = await given.campaign(is_live=False, title="未公布的拼团")
    seat = (await given.opened(campaign, owner)).seat
    await given.pay_seat(seat)
    filled = await given.opened(await given.campaign(seats=2), owner)
    for one in (filled.seat, (await given.joined(filled.group)).seat):
        await given.pay_seat(one)
    world.has("campaign", campaign.id)
    world.has("groupitem", campaign.items[0].id)
    world.has("campaign/draft", draft.id, Who.STAFF)
    world.has("groupitem/draft", draft.items[0].id, Who.STAFF)
    world.has("groupbuy", seat.group_id)
    world.has("groupseat", seat.id, Who.ONLY_OWNER)
    world.has("order/grouped", seat.order_id, Who.OWNER)
    world.marks["未公布的拼团"] = Who.STAFF


async def _trust(world: World, owner: UUID) -> None:
    given = world.given
    about: dict[str, Any] = {"account_id": owner, "by": new_id(), "now": given.now}
    await given.evidence(owner, EvidenceKind.LIKE)
    await given.reviewed()
    await caring.tag(given.db, tag="晚市老街坊", **about)
    await caring.remark(given.db, text="周末来，爱喝热的", idempotency_key="remark-0001", **about)
    complaint = await caring.open_complaint(given.db, words="那盏灯少一颗螺丝", reference="desk-7788", **about)
    world.has("complaint", complaint.id, Who.MERCHANDISER)
    world.marks |= dict.fromkeys(("晚市老街坊", "周末来，爱喝热的", "那盏灯少一颗螺丝", "desk-7788"), Who.MERCHANDISER)


async def _coupons(world: World, owner: UUID) -> None:
    given = world.given
    coupon = await given.coupon(owner, pieces=1_000)
    world.has("couponbatch", coupon.batch_id)
    world.has("coupon", coupon.id, Who.OWNER)
    world.marks |= {coupon.code: Who.ONLY_OWNER}


async def _points(world: World, owner: UUID) -> None:
    given, by = world.given, world.personas["admin"].account_id
    assert by is not None
    await points.set_rules(given.db, Terms(2, 100, 50, 12), by=by, now=given.now)
    await points.adjust(
        given.db, account_id=owner, points=7788, reason="贵客补发", by=by, idempotency_key="points-1", now=given.now
    )
    world.marks["贵客补发"] = Who.OWNER


async def _benefits(world: World, owner: UUID) -> None:
    """What staff have granted the owner, and what came of it."""
    given = world.given
    await given.birthday(owner, 5, 5)
    lane = given.benefit(BenefitKind.SERVICE_LANE, rank=7)
    none_left = await given.given_batch(title="送完的券", pieces=1)
    plenty = await given.given_batch(title="会员月券")
    held = await given.holding(owner, lane, given.monthly_coupons(none_left, 2), given.monthly_coupons(plenty))
    await given.timetable(given.now)
    world.has("benefitholding", held.id, Who.OWNER)
    for grant in await given.grants_of(owner):
        world.has("benefitgrant" if grant.granted_at else "benefitgrant/failed", grant.id, Who.OWNER)
    await given.member_price(decode("sku", world.ids["sku"]), 1999)


async def _memberships(world: World, owner: UUID) -> None:
    """The owner has a card, and has bought one for somebody who has not activated it; staff have made codes."""
    given, merchandiser = world.given, world.personas["merchandiser"].account_id
    assert merchandiser is not None
    plan = await given.plan(benefits=[given.benefit(BenefitKind.SERVICE_LANE, rank=8)])
    card = await given.card(plan, owner)
    gift, code = await given.gift(plan, owner)
    codes = await given.code_batch(plan, by=merchandiser)
    world.has("plan", plan.id)
    world.has("plan/higher", (await given.plan(name="黑金卡", rank=20)).id)
    world.has("membership", card.id, Who.OWNER)
    world.has("purchase", gift.id, Who.OWNER)
    world.has("purchase/unpaid", (await given.purchase(plan, owner)).id, Who.OWNER)
    world.has("codebatch", codes.id, Who.STAFF)
    world.marks |= {code: Who.ONLY_OWNER}


async def _segments(world: World, owner: UUID) -> None:
    """The owner is in a segment, and on a list."""
    given = world.given
    segment = await given.segment(SegmentRule(orders_at_most=1_000_000), name="沉睡的贵客")
    world.has("segment", segment.id, Who.MERCHANDISER)
    await refreshing.start(given.db, segment_id=segment.id, by=new_id(), now=given.now)
    world.has("segment/list", (await given.listed([owner], name="店长的老友")).id, Who.MERCHANDISER)
    world.marks |= dict.fromkeys(("沉睡的贵客", "店长的老友"), Who.MERCHANDISER)


async def _levels(world: World, owner: UUID) -> None:
    """The owner has come to the shop today, and has bought enough for a higher level."""
    given = world.given
    await given.check_in_rewards(StreakReward(1, 3, (await given.batch()).id))
    await given.came(owner)
    await given.level_ladder()
    await given.spent(owner, 600)


async def _doors(world: World) -> None:
    """A sale that members may enter earlier."""
    given = world.given
    doors = Doors((Door(Crowd(CrowdKind.MEMBERS), minutes_early=10),), lets_others_in=True)
    opens_at = given.now + timedelta(hours=1)
    made = await given.sale_with_doors(doors, opens_at=opens_at, closes_at=opens_at + timedelta(hours=1))
    world.has("flashsale/doors", made.sale.id)


async def _poll(world: World) -> None:
    poll = await world.given.poll()
    options = await super_users.options_by_poll_ids(world.given.db, [poll.id])
    world.has("poll", poll.id, Who.SIGNED_IN)
    world.has("polloption", options[poll.id][0].id)


async def _live_room(world: World, owner: UUID) -> None:
    given, host = world.given, world.personas["host"].account_id
    assert host is not None
    await people.give_role(given.db, account_id=host, role=Role.HOST, by=new_id(), now=given.now)
    runs = Principal(owner)
    coming = await given.live_room(host=runs, is_live=False)
    room = await given.live_room(host=runs, store_id=given_id(world, "store"), is_on_air=True, floor_minor=1357)
    on_it = {"room_id": room.id, "item_id": room.item.id, "by": runs, "now": given.now}
    await selling.start_flash_sale(
        given.db, given.market.gate, given.bus, idempotency_key="room-sale", **on_it,
        wish=selling.RoomFlashSale("直播间秒杀", (SaleItem(room.sku_id, sale_price_minor=1390, units=1),), seconds=600),
    )  # fmt: skip
    await selling.start_group_buy(
        given.db, given.bus, idempotency_key="room-group", **on_it,
        wish=selling.RoomGroupBuy(
            "直播间拼团", (GroupItem(room.sku_id, 1390, 2),), seconds=600, seats=2, fill_seconds=600
        ),
    )  # fmt: skip
    await running.pin(given.db, given.bus, **on_it)
    world.has("room", room.id)
    world.has("room/coming", coming.id)
    world.has("roomitem", room.item.id)
    world.marks["13.57"] = Who.CREW
    async with given.db.transaction() as tx:
        await live_rooms.note_sold(tx, given_id(world, "order/unpaid"), room.id, Channel.SHELF)
    await _chat(world, room.id)
    in_it = {"room_id": room.id, "by": runs, "now": given.now}
    await running.set_chat(given.db, given.bus, is_open=True, slow_seconds=1, **in_it)
    await running.announce(given.db, given.bus, text="福利马上来", **in_it)
    await _room_figures(world, room.id)


async def _room_figures(world: World, room_id: UUID) -> None:
    """Somebody came by the owner's link, watched and bought."""
    given = world.given
    buyer = await given.shopper("buyer")
    link = await given.link(world.personas["owner"].account_id, target_kind=TargetKind.LIVE_ROOM, target_id=room_id)
    await given.visit(link, by=buyer)
    await viewers.add(given.db, [(room_id, Viewer("v" * 43, buyer))], now=given.now)
    order = await given.order(given_id(world, "sku"), shopper_id=buyer)
    async with given.db.transaction() as tx:
        await live_rooms.note_sold(tx, order.id, room_id, Channel.SHELF)
        await attributing.attribute(tx, order_id=order.id, shopper_id=buyer, placed_at=given.now)
    await given.money_for(order)
    await given.hear_payments()
    await Tally().count(given.db, given.market.gate, given.bus, now=given.now)


async def _chat(world: World, room_id: UUID) -> None:
    given, writer = world.given, world.personas["other"].account_id
    assert writer is not None
    await given.words(withhold=["暗语甲"])
    shown = await given.comment(room_id, "这件好看", by=Principal(writer))
    await given.comment(room_id, "暗-语 甲找我", by=Principal(writer))
    deed = {"by": Principal(new_id(), frozenset({Role.ADMIN})), "reason": "刷屏惹人烦", "now": given.now}
    await moderating.mute(given.db, comment_id=shown.comment.id, minutes=None, **deed)
    world.has("comment", shown.comment.id)
    world.marks |= {"暗语甲": Who.MERCHANDISER, "暗-语 甲找我": Who.CREW, "刷屏惹人烦": Who.CREW}


async def _lucky_draws(world: World, owner: UUID) -> None:
    """One of somebody else's room that the owner has won, and one in a room that the owner runs."""
    given, store_id = world.given, given_id(world, "store")
    draw = await given.lucky_draw(store_id=store_id)
    await given.entered(draw, [owner])
    await given.drawn(draw)
    won = (await draws.own_prizes(given.db, owner, [draw.id]))[draw.id]
    run = await given.lucky_draw(await given.live_room(host=Principal(owner)), store_id=store_id)
    world.has("luckydraw", draw.id)
    world.has("luckydraw/open", run.id)
    world.has("room/draws", run.room_id)
    world.has("room/draws", run.room_id)
    world.has("prize", won.id, Who.ONLY_OWNER)
    world.marks[won.code] = Who.ONLY_OWNER


async def _books(world: World) -> None:
    given, by = world.given, world.personas["admin"].account_id
    bill, difference = new_id(), new_id()
    moments = {"day": date(2026, 11, 10), "now": given.now}
    async with given.db.transaction() as tx:
        await tx.execute(text(_BILL), {"id": bill, **moments})
        await tx.execute(text(_DIFFERENCE), {"id": difference, "bill": bill, "by": by, **moments})
    world.has("gatewaybill", bill, Who.FINANCE)
    world.has("billdifference", difference, Who.FINANCE)


def given_id(world: World, name: str) -> UUID:
    """The UUID of something in the world."""
    return decode(name.partition("/")[0], world.ids[name])


async def _only(world: World, table: str) -> UUID:
    return (await world.given.db.rows(text(f"SELECT id FROM {table}")))[0].id


_BILL = """
    INSERT INTO gateway_bills (id, gateway, day, payments, captured_minor, refunds, refunded_minor, fees_minor,
                               differences, compared_at)
    VALUES (:id, 'wechat', :day, 0, 0, 0, 0, 0, 1, :now)
"""
_DIFFERENCE = """
    INSERT INTO gateway_bill_differences (id, bill_id, kind, subject, reference, settled_at, settled_by, words)
    VALUES (:id, :bill, 'not_in_books', 'payment', 'wx1', :now, :by, '已核对')
"""
