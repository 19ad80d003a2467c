"""Every table of the market, for Alembic and for tests: importing this module imports them all."""

from domain.accounts import tables as _accounts
from domain.addresses import tables as _addresses
from domain.after_sales import tables as _after_sales
from domain.benefits import tables as _benefits
from domain.carts import tables as _carts
from domain.chats import tables as _chats
from domain.coupons import tables as _coupons
from domain.draws import tables as _draws
from domain.flash_sales import tables as _flash_sales
from domain.foundation import idempotency as _idempotency
from domain.foundation import outbox as _outbox
from domain.foundation.tables import metadata
from domain.group_buys import tables as _group_buys
from domain.ledger import tables as _ledger
from domain.live_rooms import tables as _live_rooms
from domain.orders import tables as _orders
from domain.payments import tables as _payments
from domain.posters import tables as _posters
from domain.pricing import tables as _pricing
from domain.products import tables as _products
from domain.sharing import tables as _sharing
from domain.shipments import tables as _shipments
from domain.stock import tables as _stock
from domain.stores import tables as _stores
from domain.streams import tables as _streams
from domain.suppliers import tables as _suppliers
from domain.trail import tables as _trail
from domain.viewers import tables as _viewers

__all__ = ["metadata"]

_JOINED = (
    _accounts, _addresses, _after_sales, _benefits, _carts, _chats, _coupons, _draws, _flash_sales, _group_buys, _idempotency, _ledger, _live_rooms, _orders, _outbox, _payments,
    _posters, _pricing, _products, _sharing, _shipments, _stock, _stores, _streams, _suppliers, _trail, _viewers,
)  # fmt: skip
