"""The telling of WeChat: until it knows how an order was sent, it does not settle the order's money.

No transaction is open while WeChat is told. Who dies in between tells it again: the same words twice change nothing there.
"""

import asyncio
from datetime import datetime
from uuid import UUID

import structlog

from domain.accounts.queries import openid_of
from domain.foundation.database import Database
from domain.foundation.errors import NotFound
from domain.foundation.outbox import retry_wait
from domain.foundation.wechat_platform import PlatformFailed
from domain.orders import store as orders_store
from domain.shipments import store, uploads
from domain.shipments.rules import UploadNotRetryable, UploadState
from domain.shipments.uploads import Taken, Telling
from domain.shipments.wechat import PlatformRefused, WechatShipping
from domain.trail import store as trail

log = structlog.get_logger(__name__)


async def upload_due(db: Database, wechat: WechatShipping, *, now: datetime, limit: int) -> int:
    """Tell WeChat of orders that have left; how many were due. Safe side by side: each is one caller's at a time.

    What WeChat did not take now says why in its `error` and is told again, ever later; what it refuses waits for staff.
    An order that was refunded whole meanwhile is dropped quietly.
    """
    async with db.transaction() as tx:
        due = await uploads.take_due(tx, now=now, limit=limit)
    outcomes = await asyncio.gather(*(_tell(db, wechat, taken, now) for taken in due), return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
    return len(due)


async def retry(db: Database, *, order_id: UUID, by: UUID, now: datetime) -> None:
    """Have WeChat told again what it refused, or what waits after a failure. A second call changes nothing.

    Raises NotFound when WeChat is to be told nothing of the order, UploadNotRetryable when it knows.
    """
    async with db.transaction() as tx:
        upload = await uploads.lock(tx, order_id)
        if upload is None:
            raise NotFound.of("upload", order_id, prefix="order")
        if upload.state is UploadState.UPLOADED:
            raise UploadNotRetryable(order_id=order_id)
        if upload.state is UploadState.DUE and upload.attempts == 0:
            return
        await uploads.tell_again(tx, order_id, now=now)
        await trail.note(
            tx, by=by, deed="retry_upload", subject="order", subject_id=order_id, now=now, error=upload.error
        )


async def _tell(db: Database, wechat: WechatShipping, taken: Taken, now: datetime) -> None:
    found = await _telling(db, taken.order_id)
    if found is None:
        return
    telling, parcels = found
    try:
        await wechat.upload(telling, now=now)
    except PlatformFailed as failure:
        log.warning("upload_failed", order=str(taken.order_id), attempts=taken.attempts, error=str(failure))
        async with db.transaction() as tx:
            await uploads.put_off(tx, taken, retry_at=now + retry_wait(taken.attempts), error=str(failure))
        return
    except PlatformRefused as refused:
        log.error("upload_refused", order=str(taken.order_id), error=str(refused))
        async with db.transaction() as tx:
            await uploads.note_refused(tx, taken, error=str(refused))
        return
    async with db.transaction() as tx:
        await uploads.note_told(tx, taken, telling, parcels=parcels, now=now)


async def _telling(db: Database, order_id: UUID) -> tuple[Telling, int] | None:
    """What is to be told, and how many parcels there are; read under the order's lock, so that they belong together.

    None for an order that was refunded whole since it fell due: it is not due any more.
    """
    async with db.transaction() as tx:
        order = await orders_store.lock(tx, order_id)
        if await uploads.drop_if_refunded(tx, order_id):
            return None
        lines = await orders_store.lines_of(tx, order_id)
        shipments = await store.of_order(tx, order_id)
        units = await store.lines_of(tx, [shipment.id for shipment in shipments])
        upload = await uploads.lock(tx, order_id)
    assert upload is not None, f"nothing is to be told of order {order_id}"
    openid = await openid_of(db, order.shopper_id)
    return uploads.telling_of(order, lines, shipments, units, openid, upload), len(shipments)
