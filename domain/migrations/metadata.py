"""Every table of the market, for Alembic and for tests: importing this module imports them all."""

from domain.accounts import tables as _accounts
from domain.flash_sales import tables as _flash_sales
from domain.foundation import idempotency as _idempotency
from domain.foundation import outbox as _outbox
from domain.foundation.tables import metadata
from domain.orders import tables as _orders
from domain.payments import tables as _payments
from domain.products import tables as _products
from domain.stock import tables as _stock

__all__ = ["metadata"]

_JOINED = (_accounts, _flash_sales, _idempotency, _outbox, _orders, _payments, _products, _stock)
