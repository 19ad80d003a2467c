"""Benefits for staff: granting them to one person, the prices and the goods of members, and what could not be given."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from api.access import Who, to
from api.benefits import BenefitGrant, BenefitHolding, BenefitInput, show_grant, show_holding
from api.context import Info
from api.nodes import Connection, Edge, PageInfo, read_id, show_id
from api.money import Money
from api.products import Product, Sku, sku_loader
from api.refusals import refusal
from api.scalars import Long
from domain.benefits import actions, grants, queries, rules
from domain.foundation.errors import IdempotencyConflict, NotFound
