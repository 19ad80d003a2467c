"""The one schema: every feature's queries, mutations and subscriptions, joined."""

from functools import cache
from pathlib import Path

import strawberry
from strawberry.schema.config import StrawberryConfig
from strawberry.tools import merge_types

from api import access
from api.accounts import AccountMutation, AccountQuery
from api.addresses import AddressMutation, AddressQuery
from api.after_sales import AfterSaleMutation, AfterSaleQuery
from api.back_office import BackOfficeMutation, BackOfficeQuery
from api.benefits import BenefitMutation, BenefitQuery
from api.buying_memberships import BuyingMembershipsMutation, BuyingMembershipsQuery
from api.carts import CartMutation, CartQuery
from api.check_ins import CheckInMutation, CheckInQuery
from api.checkout import CheckoutMutation, CheckoutQuery
from api.context import Info
from api.coupons import CouponMutation, CouponQuery
from api.customer_figures import CustomerFiguresQuery
from api.customer_profiles import CustomerProfileMutation, CustomerProfileQuery
from api.customers import CustomerMutation, CustomerQuery
from api.exports import ExportQuery
from api.flash_sale_events import FlashSaleSubscription
from api.flash_sales import FlashSaleMutation, FlashSaleQuery
from api.group_buy_events import GroupBuyEventsQuery, GroupBuySubscription
from api.group_buys import GroupBuyQuery
from api.joining_group_buys import GroupBuyMutation
from api.labels import LabelQuery
from api.leader_group_buys import LeaderGroupBuyQuery
from api.lean import lean
from api.ledger import LedgerMutation, LedgerQuery
from api.levels import LevelQuery
from api.live_rooms import LiveRoomQuery
from api.lucky_draws import LuckyDrawMutation, LuckyDrawQuery
from api.member_figures import MemberFiguresQuery
from api.memberships import MembershipMutation, MembershipQuery
from api.moderating_room_chat import ModeratingRoomChatMutation, ModeratingRoomChatQuery
from api.nodes import Node, find
from api.orders import OrderMutation, OrderQuery
from api.people import PeopleMutation, PeopleQuery
from api.points import PointQuery
from api.posters import PosterMutation, PosterQuery
from api.products import ProductQuery
from api.receipts import ReceiptMutation
from api.refusals import exception_handlers
from api.renewals import AutoRenewalMutation, AutoRenewalQuery
from api.reserving_live_rooms import ReservingLiveRoomsMutation
from api.room_chat import RoomChatMutation, RoomChatQuery
from api.room_events import RoomEventsQuery, RoomEventsSubscription
from api.room_figures import RoomFiguresQuery
from api.room_streams import RoomStreamQuery
from api.room_viewers import RoomViewerMutation
from api.running_after_sales import RunningAfterSalesMutation, RunningAfterSalesQuery
from api.running_benefits import RunningBenefitsMutation, RunningBenefitsQuery
from api.running_coupons import RunningCouponsMutation, RunningCouponsQuery
from api.running_flash_sales import RunningFlashSalesMutation, RunningFlashSalesQuery
from api.running_group_buys import RunningGroupBuysMutation, RunningGroupBuysQuery
from api.running_levels import RunningLevelsMutation, RunningLevelsQuery
from api.running_live_rooms import RunningLiveRoomsMutation, RunningLiveRoomsQuery
from api.running_lucky_draws import RunningLuckyDrawsMutation
from api.running_memberships import RunningMembershipsMutation, RunningMembershipsQuery
from api.running_payments import RunningPaymentsMutation, RunningPaymentsQuery
from api.running_points import RunningPointsMutation, RunningPointsQuery
from api.running_pricing import RunningPricingMutation, RunningPricingQuery
from api.running_products import RunningProductsMutation
from api.running_shipments import RunningShipmentsMutation, RunningShipmentsQuery
from api.running_super_users import RunningSuperUsersMutation, RunningSuperUsersQuery
from api.running_suppliers import RunningSuppliersMutation, RunningSuppliersQuery
from api.running_trust import RunningTrustMutation, RunningTrustQuery
from api.scalars import SCALARS
from api.scheduling_live_rooms import SchedulingLiveRoomsMutation, SchedulingLiveRoomsQuery
from api.segments import SegmentMutation, SegmentQuery
from api.selling_in_live_rooms import SellingInLiveRoomsMutation
from api.server_time import ServerTimeQuery
from api.sessions import SessionMutation
from api.setting_sale_doors import SettingSaleDoorsMutation
from api.sharing import SharingMutation, SharingQuery
from api.staff import StaffMutation
from api.stores import StoreMutation, StoreQuery
from api.super_users import SuperUserMutation, SuperUserQuery
from api.trail import TrailQuery
from api.trust import TrustMutation, TrustQuery

SCHEMA_FILE = Path(__file__).parent.parent / "schema.graphql"


@strawberry.type
class NodeQuery:
    """Anything by its id."""

    @strawberry.field(
        directives=access.to(access.Who.ANYONE),
        description="Anything by its id; null when there is none, or none that the asker may see.",
    )
    async def node(self, info: Info, id: strawberry.ID) -> Node | None:
        """Anything by its id."""
        return await find(info, id)  # type: ignore[no-any-return]


Query = merge_types(
    "Query",
    (
        NodeQuery,
        ServerTimeQuery,
        LabelQuery,
        AccountQuery,
        CartQuery,
        CheckoutQuery,
        OrderQuery,
        FlashSaleQuery,
        RunningFlashSalesQuery,
        SegmentQuery,
        GroupBuyQuery,
        GroupBuyEventsQuery,
        RoomEventsQuery,
        RunningGroupBuysQuery,
        LeaderGroupBuyQuery,
        LiveRoomQuery,
        RoomFiguresQuery,
        SchedulingLiveRoomsQuery,
        RunningLiveRoomsQuery,
        RoomChatQuery,
        ModeratingRoomChatQuery,
        LuckyDrawQuery,
        CouponQuery,
        RunningCouponsQuery,
        MembershipQuery,
        BuyingMembershipsQuery,
        RunningMembershipsQuery,
        AutoRenewalQuery,
        PointQuery,
        RunningPointsQuery,
        LevelQuery,
        RunningLevelsQuery,
        CheckInQuery,
        BenefitQuery,
        RunningBenefitsQuery,
        CustomerQuery,
        CustomerFiguresQuery,
        MemberFiguresQuery,
        SuperUserQuery,
        RunningSuperUsersQuery,
        SharingQuery,
        PosterQuery,
        ProductQuery,
        RoomStreamQuery,
        RunningPaymentsQuery,
        RunningPricingQuery,
        StoreQuery,
        PeopleQuery,
        AddressQuery,
        BackOfficeQuery,
        ExportQuery,
        LedgerQuery,
        TrailQuery,
        AfterSaleQuery,
        RunningAfterSalesQuery,
        RunningShipmentsQuery,
        RunningSuppliersQuery,
        TrustQuery,
        RunningTrustQuery,
        CustomerProfileQuery,
    ),
)
Mutation = merge_types(
    "Mutation",
    (
        AccountMutation,
        SessionMutation,
        CartMutation,
        CheckoutMutation,
        OrderMutation,
        FlashSaleMutation,
        RunningFlashSalesMutation,
        SettingSaleDoorsMutation,
        SegmentMutation,
        GroupBuyMutation,
        RunningGroupBuysMutation,
        SchedulingLiveRoomsMutation,
        RunningLiveRoomsMutation,
        SellingInLiveRoomsMutation,
        ReservingLiveRoomsMutation,
        RoomViewerMutation,
        RoomChatMutation,
        ModeratingRoomChatMutation,
        CouponMutation,
        RunningCouponsMutation,
        MembershipMutation,
        BuyingMembershipsMutation,
        RunningMembershipsMutation,
        AutoRenewalMutation,
        RunningPointsMutation,
        RunningLevelsMutation,
        CheckInMutation,
        BenefitMutation,
        RunningBenefitsMutation,
        CustomerMutation,
        SuperUserMutation,
        RunningSuperUsersMutation,
        LuckyDrawMutation,
        RunningLuckyDrawsMutation,
        SharingMutation,
        PosterMutation,
        RunningProductsMutation,
        RunningPaymentsMutation,
        RunningPricingMutation,
        StoreMutation,
        PeopleMutation,
        StaffMutation,
        AddressMutation,
        BackOfficeMutation,
        LedgerMutation,
        AfterSaleMutation,
        RunningAfterSalesMutation,
        ReceiptMutation,
        RunningShipmentsMutation,
        RunningSuppliersMutation,
        TrustMutation,
        RunningTrustMutation,
        CustomerProfileMutation,
    ),
)
Subscription = merge_types("Subscription", (FlashSaleSubscription, GroupBuySubscription, RoomEventsSubscription))


@cache
def build() -> strawberry.Schema:
    """The schema with its access rules in force; one for the process, as it takes most of a second to make."""
    schema = strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        exception_handlers=exception_handlers(),
        config=StrawberryConfig(scalar_map=SCALARS),
    )
    lean(schema)  # before the checks are put in front: it leaves wrapped resolvers alone
    access.enforce(schema)
    return schema


def sdl() -> str:
    """The schema as text, as `schema.graphql` holds it."""
    return build().as_str() + "\n"
