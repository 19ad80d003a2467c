"""Exports: links to CSV files, and the door where they are fetched."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from functools import wraps
from typing import Any

import strawberry
import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from api import access
from api.access import Who, to
from api.back_office import StaffOrdersFilter, wanted_of
from api.context import Info
from api.ledger import LedgerAccount
from api.nodes import read_id
from api.scalars import Long
from domain.accounts.rules import Principal
from domain.audiences import exporting as audiences
from domain.audiences.queries import segments_by_ids
from domain.back_office import actions, exporting, links
from domain.back_office.links import File, Leave
from domain.back_office.rules import LinkRefused, WantedStatement
from domain.chats import exporting as chats
from domain.foundation import clock
from domain.foundation.errors import BadInput, ClientFault, NotAllowed, NotSignedIn
from domain.foundation.ids import new_id
from domain.foundation.runtime import Market
from domain.foundation.sheets import in_chunks
from domain.ledger import exporting as ledger
from domain.ledger import queries as ledger_queries
from domain.memberships import exporting as memberships
from domain.memberships import queries as memberships_queries

log = structlog.get_logger(__name__)

WHO = {
    File.ACTIVATION_CODES: Who.MERCHANDISER,
    File.ORDERS: Who.STAFF,
    File.STATEMENT: Who.FINANCE,
    File.ROOM_COMMENTS: Who.STAFF,
    File.SEGMENT_MEMBERS: Who.MERCHANDISER,
}
STATUS: dict[type[ClientFault], int] = {NotSignedIn: 401, NotAllowed: 403, LinkRefused: 403, BadInput: 400}


@strawberry.type(
    directives=to(Who.STAFF),
    description="A link to a CSV file. Only who asked for it can fetch it, with their own access token.",
)
class ExportLink:
    """A link."""

    url: str = strawberry.field(
        description="GET it with `Authorization: Bearer <access token>`. UTF-8 with a mark, headings in Chinese and English."
    )
    expires_at: datetime = strawberry.field(description="From this moment on it is refused; five minutes.")
    lines: Long | None = strawberry.field(description="Lines the file has now, where they were counted.")


@strawberry.type
class ExportQuery:
    """Links to files."""

    @strawberry.field(
        directives=to(Who.STAFF),
        description="A link to these orders as a CSV file, one row for each order line, at most 1,000,000. "
        "That it was fetched stands in the trail: there are people's addresses in it.",
    )
    async def export_orders(self, info: Info, filter: StaffOrdersFilter | None = None) -> ExportLink:
        """A link to orders."""
        wanted = wanted_of(filter)
        lines = await exporting.lines_of(info.context.market.db, wanted)
        return _link(info, File.ORDERS, links.of_wanted(wanted), lines=Long(lines))

    @strawberry.field(
        directives=to(Who.FINANCE),
        description="A link to the statement of an account as a CSV file: what was recorded from `startsAt` on and before "
        "`endsAt`. `subject` is whose part of the account: the gateway's name, the supplier's id.",
    )
    async def export_statement(
        self, info: Info, account: LedgerAccount, starts_at: datetime, ends_at: datetime, subject: str = ""
    ) -> ExportLink:
        """A link to a statement."""
        wanted = WantedStatement(account.value, subject, starts_at, ends_at)
        # asked for what is wrong with it now: the file itself could only break off
        await ledger_queries.figures(
            info.context.market.db, account=account.value, subject=subject, starts_at=starts_at, ends_at=ends_at
        )
        return _link(info, File.STATEMENT, links.of_statement(wanted))

    @strawberry.field(
        directives=to(Who.STAFF),
        description="A link to everything that was written in a live room as a CSV file, with what became of it: kept for three "
        "years after the room's end.",
    )
    async def export_room_comments(self, info: Info, room_id: strawberry.ID) -> ExportLink:
        """A link to comments."""
        return _link(info, File.ROOM_COMMENTS, links.of_room(read_id("room", room_id)))

    @strawberry.field(
        directives=to(Who.MERCHANDISER),
        description="A link to whom a segment holds as a CSV file, one row for each: account, name, orders, what they spent, their "
        "value; null where there is no such segment. That it was fetched stands in the trail.",
    )
    async def export_segment_members(self, info: Info, segment_id: strawberry.ID) -> ExportLink | None:
        """A link to people."""
        id = read_id("segment", segment_id)
        segment = (await segments_by_ids(info.context.market.db, [id])).get(id)
        if segment is None:
            return None
        return _link(info, File.SEGMENT_MEMBERS, links.of_segment(id), lines=Long(segment.members))

    @strawberry.field(
        directives=to(Who.MERCHANDISER),
        description="A link to a batch of activation codes as a CSV file, for whoever made it; null for everybody else.",
    )
    async def export_activation_codes(self, info: Info, batch_id: strawberry.ID) -> ExportLink | None:
        """A link to codes."""
        wanted = read_id("codebatch", batch_id)
        batch = (await memberships_queries.batches_by_ids(info.context.market.db, [wanted])).get(wanted)
        if batch is None or batch.created_by != info.context.shopper.account_id:
            return None
        return _link(info, File.ACTIVATION_CODES, links.of_codes(wanted), lines=Long(batch.pieces))


def get_only(door: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """The door, shut to HEAD: a route that takes GET takes that too, and would make and note a file that nobody reads."""

    @wraps(door)
    async def guarded(request: Request) -> Response:
        return await door(request) if request.method == "GET" else Response(status_code=405, headers={"allow": "GET"})

    return guarded


@get_only
async def orders_csv(request: Request) -> Response:
    """GET /exports/orders.csv?token=..."""
    return await _fetch(request, File.ORDERS)


@get_only
async def statement_csv(request: Request) -> Response:
    """GET /exports/statement.csv?token=..."""
    return await _fetch(request, File.STATEMENT)


@get_only
async def room_comments_csv(request: Request) -> Response:
    """GET /exports/room-comments.csv?token=..."""
    return await _fetch(request, File.ROOM_COMMENTS)


@get_only
async def segment_members_csv(request: Request) -> Response:
    """GET /exports/segment-members.csv?token=..."""
    return await _fetch(request, File.SEGMENT_MEMBERS)


@get_only
async def activation_codes_csv(request: Request) -> Response:
    """GET /exports/activation-codes.csv?token=..."""
    return await _fetch(request, File.ACTIVATION_CODES)


async def _fetch(request: Request, file: File) -> Response:
    """The file, sent as it is read. 401 without an access token, 403 for a link that is not the asker's, forged or over."""
    market: Market = request.app.state.market
    now = clock.now()
    try:
        principal = _principal(request, now)
        access.check(WHO[file], principal)
        leave = links.read(
            market.settings.signing_secret,
            request.query_params.get("token", ""),
            file=file,
            account_id=principal.account_id,
            now=now,
        )
        await actions.note_export(market.db, leave, now=now)
    except tuple(STATUS) as refused:
        return JSONResponse({"code": refused.code, "message": str(refused)}, STATUS[type(refused)])
    log.info("export_fetched", file=file.value, by=str(leave.account_id), export=str(leave.id))
    return StreamingResponse(
        _pieces(market, leave),
        media_type="text/csv; charset=utf-8",
        headers={
            "content-disposition": f'attachment; filename="{file}-{clock.shop_day(now):%Y%m%d}.csv"',
            "cache-control": "no-store",
            "x-content-type-options": "nosniff",
        },
    )


def _principal(request: Request, now: datetime) -> Principal:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise NotSignedIn("send `Authorization: Bearer <access token>` along: the link alone is worth nothing")
    principal: Principal = request.app.state.services.verifier.principal(token.strip(), now=now)
    return principal


def _pieces(market: Market, leave: Leave) -> AsyncIterator[bytes]:
    if leave.file is File.ORDERS:
        return in_chunks(exporting.orders_file(market.db, links.wanted_of(leave.about)))
    if leave.file is File.ROOM_COMMENTS:
        return in_chunks(chats.comments_file(market.db, links.room_of(leave.about)))
    if leave.file is File.SEGMENT_MEMBERS:
        return in_chunks(audiences.members_file(market.db, links.segment_of(leave.about)))
    if leave.file is File.ACTIVATION_CODES:
        codes = memberships.rows(market.db, batch_id=links.codes_of(leave.about), secret=market.settings.signing_secret)
        return in_chunks(codes)
    wanted = links.statement_of(leave.about)
    rows = ledger.rows(
        market.db,
        account=wanted.account,
        subject=wanted.subject,
        starts_at=wanted.starts_at,
        ends_at=wanted.ends_at,
    )
    return in_chunks(rows)


def _link(info: Info, file: File, about: dict[str, Any], *, lines: Long | None = None) -> ExportLink:
    context = info.context
    leave = Leave(new_id(), file, context.shopper.account_id, about, context.now + links.LIFETIME)
    settings = context.market.settings
    token = links.sign(settings.signing_secret, leave)
    return ExportLink(url=f"{settings.home}/exports/{file}.csv?token={token}", expires_at=leave.expires_at, lines=lines)
