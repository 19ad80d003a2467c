"""Memberships as shoppers see them: plans, one's own card, buying, giving and activating, upgrades and refunds."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import strawberry

from api import rates
from api.access import Who, public, to
from api.benefits import Benefit, show_benefit
from api.context import Info
from api.loaders import batched
from api.money import Money
from api.nodes import Connection, Node, finds, read_id, show_id
from api.orders import PayOrderResult as _loads_payments  # noqa: F401
from api.payments import Payment, PaymentGateway, PaymentInstructions, show_instructions, show_payment
from api.refusals import refusal
from api.scalars import Long
from domain.foundation.errors import IdempotencyConflict, NotFound
from domain.foundation.rates import Rate
from domain.memberships import (
    activating,
    buying,
    code_rules,
    giving,
    paying,
    plan_rules,
    purchase_rules,
    queries,
    refunding,
    rules,
    upgrading,
)
from domain.payments.gateways import gateway_of, gateways_of
from domain.payments.queries import by_payable_ids
from domain.payments.rules import GatewayUnavailable, PayerUnknown, PaymentsSwitchedOff
