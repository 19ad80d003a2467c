"""Shipments as shoppers see them, and the door where the tracking company brings its news."""

import asyncio
from datetime import datetime
from uuid import UUID

import strawberry
import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.access import Who, to
from api.context import Info
from api.faults import RequestFault
from api.loaders import batched
from api.nodes import Node, finds, show_id
from api.scalars import Long
from api.wire import ClientGone, RequestHead, read_body
from domain.foundation import clock
from domain.foundation.reporting import note_refusal
from domain.orders import queries as orders
from domain.shipments import following, queries, rules
from domain.shipments.tracking import PushForged, PushMalformed, company_of

log = structlog.get_logger(__name__)

NOTICE_BYTES = 65_536
NOTICE_SECONDS = 4.0

Carrier = strawberry.enum(rules.Carrier, name="Carrier", description="Who carries parcels. 快递公司")
ShipmentState = strawberry.enum(
    rules.ShipmentState,
    name="ShipmentState",
    description="Where a parcel is: SHIPPED has left, MOVING was seen on its way, DELIVERED is the end, TROUBLED needs a look.",
)


@strawberry.type(
    directives=to(Who.INHERITED), description="Where a parcel was seen, in the carrier's own words. 物流轨迹"
)
class TrackingEvent:
    """A tracking event."""

    happened_at: datetime
    state: ShipmentState
    words: str
    place: str = strawberry.field(description="Empty where the carrier names none.")


@strawberry.type(directives=to(Who.INHERITED), description="Units of an order's line in a parcel.")
class ShipmentLine:
    """A line."""

    position: Long = strawberry.field(description="The order's line, counted from 1.")
    quantity: Long


@strawberry.type(directives=to(Who.OWNER), description="A parcel of an order. 包裹")
class Shipment(Node):
    """A shipment."""

    order_id: strawberry.ID
    carrier: Carrier
    carrier_name: str = strawberry.field(description="What people call the carrier, in Chinese.")
    tracking_number: str
    state: ShipmentState
    shipped_at: datetime
    delivered_at: datetime | None
    key: strawberry.Private[UUID]
    owner: strawberry.Private[UUID | None]

    @strawberry.field(description="What is in it.")
    async def lines(self, info: Info) -> list[ShipmentLine]:
        """What is in it."""
        found = await batched(info, queries.by_ids).load(self.key)
        units = found.units if found and found.units else {}
        return [ShipmentLine(position=Long(position), quantity=Long(units[position])) for position in sorted(units)]

    @strawberry.field(description="Where it was seen, newest first.")
    async def events(self, info: Info) -> list[TrackingEvent]:
        """Where it was seen."""
        found = await batched(info, queries.events_by_shipment_ids).load(self.key) or ()
        return [
            TrackingEvent(happened_at=event.happened_at, state=event.state, words=event.words, place=event.place)
            for event in found
        ]


async def shipments_of(info: Info, order_id: UUID, *, owner: UUID) -> list[Shipment]:
    """The parcels of an order, oldest first; whoever asks has made sure that they may be seen."""
    return [
        show_shipment(found, owner=owner) for found in await batched(info, queries.by_order_ids).load(order_id) or ()
    ]


@finds("shipment")
async def find_shipment(info: Info, id: UUID) -> Shipment | None:
    """A parcel of one's own order; any for staff."""
    principal = info.context.principal
    db = info.context.market.db
    found = (await queries.by_ids(db, [id])).get(id) if principal else None
    if found is None or principal is None:
        return None
    order = (await orders.by_ids(db, [found.order_id]))[found.order_id]
    is_shown = principal.is_staff or order.shopper_id == principal.account_id
    return show_shipment(found, owner=order.shopper_id) if is_shown else None


def show_shipment(shipment: rules.Shipment, *, owner: UUID | None = None) -> Shipment:
    """The GraphQL object of a parcel; `owner` is whose order it is of, and without one only staff are shown it."""
    return Shipment(
        id=show_id("shipment", shipment.id),
        order_id=show_id("order", shipment.order_id),
        carrier=shipment.carrier,
        carrier_name=rules.CARRIERS[shipment.carrier].zh,
        tracking_number=shipment.tracking_number,
        state=shipment.state,
        shipped_at=shipment.shipped_at,
        delivered_at=shipment.delivered_at,
        key=shipment.id,
        owner=owner,
    )


async def take_tracking_notice(request: Request) -> Response:
    """Take what the tracking company brings to `/shipments/tracking/notice`: 200 once it is kept, in the company's words.

    Anything else makes the company bring it again: 401 for what it has not signed, 400 for what cannot be read, 413 for more
    than 64 kB, 404 where no company is configured, 503 when the books take longer than 4 s.
    """
    market = request.app.state.market
    company = company_of(market.settings)
    if company is None:
        return _answer(404, "no tracking company")
    try:
        async with asyncio.timeout(NOTICE_SECONDS):
            push = company.read_push(await read_body(RequestHead(request.scope), request.receive, NOTICE_BYTES))
            new = await following.take_push(market.db, push, now=clock.now())
    except RequestFault as fault:
        return _answer(fault.status, str(fault))
    except ClientGone:
        return Response(status_code=400)
    except TimeoutError:
        return _answer(503, "the books are busy; bring it again")
    except (PushForged, PushMalformed) as refused:
        note_refusal("push_refused", code=refused.code, why=str(refused)[:300])
        return _answer(401 if isinstance(refused, PushForged) else 400, str(refused))
    log.info("push_taken", number=push.number, events=len(push.events), new=new)
    return _answer(200, "成功")


def _answer(status: int, message: str) -> Response:
    return JSONResponse({"result": status == 200, "returnCode": str(status), "message": message[:200]}, status)
