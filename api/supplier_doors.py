"""The doors where suppliers bring signed letters (stock feeds, parcels), and where finance fetches a settlement as a file.

A letter is signed with the supplier's key: `supplier-signature` is the HMAC-SHA256, in hexadecimal digits, of the door's name
(`feed` or `shipments`), the headers `supplier-timestamp` (seconds since 1970), `supplier-reference` and `supplier-as-of` (empty
where there is none), each followed by a line feed, and of the body.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from api import access
from api.access import Who
from api.exports import get_only
from api.faults import RequestFault
from api.wire import ClientGone, RequestHead, read_body
from domain.accounts.rules import Principal
from domain.foundation import clock, ids
from domain.foundation.errors import BadInput, ClientFault, NotAllowed, NotFound, NotSignedIn, Refusal
from domain.foundation.reporting import note_refusal
from domain.foundation.runtime import Market
from domain.foundation.sheets import in_chunks
from domain.orders.queries import unconfirmed_units
from domain.shipments import dropping, settling
from domain.suppliers import actions, feeds, queries, rules
from domain.suppliers.rules import Letter, LetterForged, Supplier, SupplierEnded

log = structlog.get_logger(__name__)

FEED_BYTES = 2 * 1024 * 1024
"""20,000 rows of 100 bytes."""
PARCELS_BYTES = 65_536
STATUS: dict[type[ClientFault], int] = {NotSignedIn: 401, LetterForged: 401, NotAllowed: 403, BadInput: 400}

Take = Callable[[Request, Market, Supplier, Letter], Awaitable[dict[str, Any]]]


async def take_feed(request: Request) -> Response:
    """POST /suppliers/{code}/feed: set the free units of the supplier's SKUs to what it can send.

    The body is JSON (`[{"code": ..., "quantity": ...}, ...]`) or, as `text/csv`, a table with these columns; the quantity is
    what can still be sent for orders the supplier has not heard of, as of the moment `supplier-as-of` (ISO 8601, with its
    zone). Answers 200 with what has changed and which rows were refused; the same letter again, the same figures. 401 for
    a letter that is not signed or older than five minutes, 400 for one that cannot be read, 409 for one outdated by another
    or for a reference used before, 403 after the end, 408 for one that takes longer than ten seconds to come, 413 for more
    than 2 MB.
    """
    return await _take(request, "feed", FEED_BYTES, _feed)


async def take_parcels(request: Request) -> Response:
    """POST /suppliers/{code}/shipments: up to 100 parcels that the supplier has sent, each taken or refused by itself.

    The body: `[{"order": "26111100100001", "carrier": "sf", "number": "SF...", "lines": {"1": 2}}, ...]`; without `lines`
    everything of the supplier's that the order waits for. Statuses as those of the feed.
    """
    return await _take(request, "shipments", PARCELS_BYTES, _parcels)


@get_only
async def settlement_csv(request: Request) -> Response:
    """GET /suppliers/{id}/settlement.csv?month=2026-11, for finance: the month's lines as a CSV file.

    404 for a supplier that there is not. That it was fetched stands in the trail.
    """
    market: Market = request.app.state.market
    now = clock.now()
    try:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise NotSignedIn("send `Authorization: Bearer <access token>` along")
        principal: Principal = request.app.state.services.verifier.principal(token.strip(), now=now)
        access.check(Who.FINANCE, principal)
        month = request.query_params.get("month", "")
        rules.month_bounds(month)
        supplier_id = ids.decode("supplier", request.path_params["code"])
        await actions.note_settlement(market.db, supplier_id=supplier_id, month=month, by=principal.account_id, now=now)
    except (ValueError, NotFound):
        return JSONResponse({"code": "NOT_FOUND"}, 404)
    except tuple(STATUS) as fault:
        return JSONResponse({"code": fault.code, "message": str(fault)}, STATUS[type(fault)])
    pieces: AsyncIterator[bytes] = in_chunks(settling.sheet(market.db, supplier_id, month))
    named = f'attachment; filename="settlement-{month}.csv"'
    headers = {"content-disposition": named, "cache-control": "no-store", "x-content-type-options": "nosniff"}
    return StreamingResponse(pieces, media_type="text/csv; charset=utf-8", headers=headers)


async def _take(request: Request, door: str, at_most: int, take: Take) -> Response:
    """Verify a letter, then act on it. Whether a supplier exists is told only to those who can sign for it."""
    market: Market = request.app.state.market
    try:
        supplier, letter = await _opened(request, market, door, at_most)
        answer = await take(request, market, supplier, letter)
    except RequestFault as fault:
        return _told(fault.status, "TOO_SLOW" if fault.status == 408 else "TOO_LARGE", str(fault))
    except ClientGone:
        return Response(status_code=400)
    except tuple(STATUS) as fault:
        note_refusal("letter_refused", door=door, supplier=request.path_params["code"][:40], why=str(fault))
        return _told(STATUS[type(fault)], fault.code, str(fault))
    except Refusal as refusal:
        note_refusal("letter_refused", door=door, supplier=request.path_params["code"][:40], why=str(refusal))
        return _told(403 if isinstance(refusal, SupplierEnded) else 409, refusal.code, refusal.message("en"))
    log.info("letter_taken", door=door, supplier=supplier.code, reference=letter.reference)
    return JSONResponse(answer)


async def _opened(request: Request, market: Market, door: str, at_most: int) -> tuple[Supplier, Letter]:
    headers = request.headers
    timestamp, reference = headers.get("supplier-timestamp", ""), headers.get("supplier-reference", "")
    rules.check_fresh(timestamp, reference, clock.now())  # before the body: an old letter is not even read
    body = await read_body(RequestHead(request.scope), request.receive, at_most)
    signature, as_of = headers.get("supplier-signature", ""), headers.get("supplier-as-of", "")
    letter = Letter(door, timestamp, reference, as_of, signature, body)
    found = await queries.with_key(market.db, request.path_params["code"].replace("\0", ""))
    rules.check_signed(found[1] if found else None, letter)
    assert found is not None
    return found[0], letter


async def _feed(request: Request, market: Market, supplier: Supplier, letter: Letter) -> dict[str, Any]:
    is_csv = request.headers.get("content-type", "").partition(";")[0].strip().lower() == "text/csv"
    content = feeds.read(letter.body, is_csv=is_csv)
    report = await feeds.take(market.db, supplier, letter, content, unheard=unconfirmed_units, now=clock.now())
    return {
        "reference": report.reference,
        "as_of": report.as_of.isoformat(),
        "rows": report.rows,
        "changed": report.changed,
        "refused": report.refused,
        "is_replay": report.is_replay,
        "unknown": list(report.unknown),
        "mistaken": list(report.mistaken),
    }


async def _parcels(request: Request, market: Market, supplier: Supplier, letter: Letter) -> dict[str, Any]:
    heard = await dropping.take(market.db, supplier, letter, dropping.read(letter.body), now=clock.now())
    return {"reference": letter.reference, "parcels": [_shown(parcel) for parcel in heard]}


def _shown(parcel: dropping.Heard) -> dict[str, Any]:
    if parcel.shipment_id is not None:
        return {"order": parcel.order_number, "shipment": ids.encode("shipment", parcel.shipment_id)}
    assert parcel.error is not None
    return {"order": parcel.order_number, "error": parcel.error.code, "message": str(parcel.error)}


def _told(status: int, code: str, message: str) -> Response:
    return JSONResponse({"code": code, "message": message[:300]}, status)
