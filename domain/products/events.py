"""What has happened to products."""

from datetime import datetime
from uuid import UUID

from domain.foundation.outbox import Event, event


@event("sku.cost_set", aggregate="sku_id")
class SkuCostSet(Event):
    """It was said what a unit of the SKU costs from `since` on, a moment that may be long past."""

    sku_id: UUID
    since: datetime
