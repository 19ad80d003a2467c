"""What a shopper can do with an order now: one pure answer, so that no page has to work it out of states and moments.

It says what is worth showing. What is asked for is decided again when it is asked, by the rules that refuse.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.orders.rules import HAS_MONEY, Order, OrderState


class OrderStep(StrEnum):
    """What its shopper can do with an order."""

    PAY = "pay"
    CANCEL = "cancel"
    SET_DESTINATION = "set_destination"
    CONFIRM_RECEIPT = "confirm_receipt"
    EXTEND_RECEIPT = "extend_receipt"
    REQUEST_AFTER_SALE = "request_after_sale"


@dataclass(frozen=True, slots=True)
class Around:
    """What the order itself does not know: whether units have left, whether its receipt was put off before, how many units
    an after-sale could be asked for, and until when (None: no time presses).
    """

    has_left: bool = False
    is_extended: bool = False
    units_to_ask_for: int = 0
    ask_until: datetime | None = None


def steps_of(order: Order, around: Around, *, now: datetime) -> list[OrderStep]:
    """The steps, in the order of an order's life. Half-open moments: at `pay_by` it is too late to pay."""
    is_placed, is_sent = order.state is OrderState.PLACED, order.state is OrderState.SHIPPED
    is_open = is_placed or order.state is OrderState.PAID
    is_kept = order.state in HAS_MONEY and order.state is not OrderState.REFUNDED
    possible = {
        OrderStep.PAY: is_placed and now < order.pay_by,
        OrderStep.CANCEL: is_placed,
        OrderStep.SET_DESTINATION: is_open and order.source is not None and not around.has_left,
        OrderStep.CONFIRM_RECEIPT: is_sent,
        OrderStep.EXTEND_RECEIPT: is_sent
        and not around.is_extended
        and order.receive_by is not None
        and now < order.receive_by,
        OrderStep.REQUEST_AFTER_SALE: is_kept
        and order.is_confirmed
        and around.units_to_ask_for > 0
        and (around.ask_until is None or now < around.ask_until),
    }
    return [step for step, is_possible in possible.items() if is_possible]
