"""What happens after money has moved, and what no notice told: the sweeps that ask the gateways."""

from domain.orders import actions as orders
from domain.payments import actions
from domain.payments.events import PaymentCaptured
from domain.payments.gateways import gateway_of
from workers.context import WorkerContext
from workers.hearing import hears
from workers.timetable import every

BATCH = 50


@hears(PaymentCaptured)
async def pay_order(context: WorkerContext, event: PaymentCaptured) -> None:
    """Hand the money to the order it is for. Safe to run twice: an order knows the payment it was paid with."""
    if event.payable == orders.PAYABLE:
        await orders.take_payment(
            context.market.db,
            payable_id=event.payable_id,
            payment_id=event.payment_id,
            amount_minor=event.amount_minor,
            captured_at=event.captured_at,
            now=context.now(),
        )


@every(seconds=1.0)
async def reconcile_pending(context: WorkerContext) -> None:
    """Find the money whose notice was lost. Safe to run twice: what is found goes the way of a notice."""
    if context.market.settings.sandbox_gateway_url:
        gateway = gateway_of(context.market.settings)
        while await actions.reconcile_pending(context.market.db, gateway, now=context.now(), limit=BATCH) == BATCH:
            pass


@every(seconds=1.0)
async def refund_due(context: WorkerContext) -> None:
    """Give money back. Safe to run twice: a payment has one refund, whoever asks for it."""
    if context.market.settings.sandbox_gateway_url:
        gateway = gateway_of(context.market.settings)
        while await actions.refund_due(context.market.db, gateway, now=context.now(), limit=BATCH) == BATCH:
            pass
