"""Every table of the market, for Alembic and for tests: importing this module imports them all."""

from domain.accounts import tables as _accounts
from domain.addresses import tables as _addresses
from domain.after_sales import tables as _after_sales
from domain.audiences import tables as _audiences
from domain.benefits import tables as _benefits
from domain.carts import tables as _carts
from domain.chats import tables as _chats
from domain.check_ins import tables as _check_ins
from domain.coupons import tables as _coupons
from domain.customers import tables as _customers
from domain.draws import tables as _draws
from domain.flash_sales import tables as _flash_sales
from domain.foundation import idempotency as _idempotency
from domain.foundation import outbox as _outbox
from domain.foundation.tables import metadata
from domain.group_buys import tables as _group_buys
from domain.insights import tables as _insights
from domain.ledger import tables as _ledger
from domain.levels import tables as _levels
from domain.live_rooms import tables as _live_rooms
from domain.memberships import renewal_tables as _renewals
from domain.memberships import tables as _memberships
from domain.orders import tables as _orders
from domain.payments import tables as _payments
from domain.points import tables as _points
from domain.posters import tables as _posters
from domain.pricing import tables as _pricing
from domain.products import tables as _products
from domain.sharing import tables as _sharing
from domain.shipments import tables as _shipments
from domain.stock import tables as _stock
from domain.stores import tables as _stores
from domain.streams import tables as _streams
from domain.super_users import tables as _super_users
from domain.suppliers import tables as _suppliers
from domain.trail import tables as _trail
from domain.trust import tables as _trust
from domain.viewers import tables as _viewers

__all__ = ["metadata"]

_JOINED = (
    _accounts, _addresses, _after_sales, _audiences, _benefits, _carts, _chats, _check_ins, _coupons, _customers, _draws, _flash_sales, _group_buys, _idempotency, _insights, _ledger, _levels, _live_rooms, _memberships, _orders, _outbox, _payments,
    _points, _posters, _pricing, _products, _renewals, _sharing, _shipments, _stock, _stores, _streams, _super_users, _suppliers, _trail, _trust, _viewers,
)  # fmt: skip
