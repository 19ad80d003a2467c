"""What happens to memberships by themselves: their money comes, their time ends, and their days are earned."""

from domain.memberships import earning, ending, paying
from domain.payments.events import PaymentCaptured
from workers.context import WorkerContext
from workers.hearing import hears
from workers.timetable import every

BATCH = 500


@hears(PaymentCaptured)
async def take_payment(context: WorkerContext, event: PaymentCaptured) -> None:
    """Hand the money to the purchase it is for. Safe to run twice: a purchase knows the payment it was paid with."""
    if event.payable == paying.PAYABLE:
        await paying.take_payment(
            context.market.db,
            payable_id=event.payable_id,
            payment_id=event.payment_id,
            amount_minor=event.amount_minor,
            captured_at=event.captured_at,
            secret=context.market.settings.signing_secret,
            now=context.now(),
        )


@every(seconds=5.0)
async def end_due(context: WorkerContext) -> None:
    """Write down what is over. Safe to run twice: what was ended is not due any more."""
    while await ending.end_due(context.market.db, now=context.now(), limit=BATCH) == BATCH:
        pass


@every(seconds=60.0)
async def earn_days(context: WorkerContext) -> None:
    """Book the fees of the days that are over. Safe to run twice: a day is booked once."""
    while await earning.earn_next_day(context.market.db, now=context.now()):
        pass
