"""Addresses: where one's parcels go. Nobody sees another's; staff may look one up by its id."""

from typing import Annotated
from uuid import UUID

import strawberry

from api.access import Who, to
from api.context import Info
from api.nodes import Connection, Node, finds, read_id, show_id
from api.refusals import refusal
from domain.addresses import actions, queries, rules
from domain.foundation.errors import NotFound


@strawberry.type(directives=to(Who.OWNER), description="An address that a shopper keeps. 收货地址")
class Address(Node):
    """An address."""

    recipient: str = strawberry.field(description="Who takes the parcel. 收货人")
    phone: str = strawberry.field(description="Eleven digits.")
    province: str
    city: str
    district: str
    region_code: str = strawberry.field(description="GB/T 2260 code of the district, six digits. 行政区划代码")
    street: str
    is_default: bool = strawberry.field(description="Taken where none is named; whoever has any has exactly one.")
    owner: strawberry.Private[UUID]


@strawberry.input(description="To whom and where a parcel goes.")
class AddressInput:
    """An address in full."""

    recipient: str = strawberry.field(description="1 to 60 characters.")
    phone: str = strawberry.field(description="A mobile number of mainland China, like 13812345678.")
    province: str = strawberry.field(description="1 to 40 characters.")
    city: str = strawberry.field(description="1 to 40 characters.")
    district: str = strawberry.field(description="1 to 40 characters.")
    region_code: str = strawberry.field(description="GB/T 2260 code of the district, six digits.")
    street: str = strawberry.field(description="1 to 200 characters.")


@strawberry.input(description="Keep an address.")
class CreateAddressInput:
    """A new one."""

    address: AddressInput
    is_default: bool = strawberry.field(default=False, description="The first one is the default one anyway.")


@strawberry.input(description="Change what one's address says; orders keep what they were told.")
class UpdateAddressInput:
    """Which, and what it shall say."""

    address_id: strawberry.ID
    address: AddressInput


@strawberry.input(description="Take one's address where none is named.")
class SetDefaultAddressInput:
    """Which."""

    address_id: strawberry.ID


@strawberry.input(description="Forget one's address; orders keep what they were told.")
class DeleteAddressInput:
    """Which."""

    address_id: strawberry.ID


@strawberry.type(directives=to(Who.INHERITED), description="The address is forgotten.")
class AddressDeleted:
    """What is left."""

    default_address: Address | None = strawberry.field(description="The newest one takes over; null: none is left.")


CreateAddressResult = Annotated[Address | refusal(rules.TooManyAddresses), strawberry.union("CreateAddressResult")]
AddressResult = Annotated[Address | refusal(NotFound), strawberry.union("AddressResult")]
DeleteAddressResult = Annotated[AddressDeleted | refusal(NotFound), strawberry.union("DeleteAddressResult")]


@strawberry.type
class AddressQuery:
    """Questions about one's addresses."""

    @strawberry.field(directives=to(Who.SIGNED_IN), description="One's own addresses, newest first; 50 at most.")
    async def addresses(self, info: Info, first: int = 50, after: str | None = None) -> Connection[Address]:
        """One's own."""
        context = info.context
        page = await queries.of_shopper(context.market.db, context.shopper.account_id, first=first, after=after)
        return Connection.of(page, show_address)

    @strawberry.field(directives=to(Who.SIGNED_IN), description="The one that is taken where none is named.")
    async def default_address(self, info: Info) -> Address | None:
        """One's default one."""
        found = await queries.default_of(info.context.market.db, info.context.shopper.account_id)
        return show_address(found) if found else None


@strawberry.type
class AddressMutation:
    """What shoppers do with their addresses. A second call with the same input changes nothing."""

    @strawberry.mutation(
        directives=to(Who.SIGNED_IN),
        description="Keep an address; the same one again is the address that is kept already.",
    )
    async def create_address(self, info: Info, input: CreateAddressInput) -> CreateAddressResult:
        """Keep one."""
        context = info.context
        kept = await actions.create(
            context.market.db,
            shopper_id=context.shopper.account_id,
            destination=_read(input.address),
            is_default=input.is_default,
            now=context.now,
        )
        return show_address(kept)

    @strawberry.mutation(directives=to(Who.SIGNED_IN), description="Change what one's address says.")
    async def update_address(self, info: Info, input: UpdateAddressInput) -> AddressResult:
        """Change one."""
        context = info.context
        changed = await actions.update(
            context.market.db,
            address_id=read_id("address", input.address_id),
            shopper_id=context.shopper.account_id,
            destination=_read(input.address),
            now=context.now,
        )
        return show_address(changed)

    @strawberry.mutation(directives=to(Who.SIGNED_IN), description="Take one's address where none is named.")
    async def set_default_address(self, info: Info, input: SetDefaultAddressInput) -> AddressResult:
        """Make one the default."""
        context = info.context
        address_id = read_id("address", input.address_id)
        return show_address(
            await actions.make_default(context.market.db, address_id=address_id, shopper_id=context.shopper.account_id)
        )

    @strawberry.mutation(directives=to(Who.SIGNED_IN), description="Forget one's address.")
    async def delete_address(self, info: Info, input: DeleteAddressInput) -> DeleteAddressResult:
        """Forget one."""
        context = info.context
        db, shopper_id = context.market.db, context.shopper.account_id
        await actions.delete(db, address_id=read_id("address", input.address_id), shopper_id=shopper_id)
        left = await queries.default_of(db, shopper_id)
        return AddressDeleted(default_address=show_address(left) if left else None)


@finds("address")
async def find_address(info: Info, id: UUID) -> Address | None:
    """One's own address; any for staff."""
    principal = info.context.principal
    found = (await queries.by_ids(info.context.market.db, [id])).get(id) if principal else None
    if found is None or principal is None:
        return None
    return show_address(found) if principal.is_staff or found.shopper_id == principal.account_id else None


def show_address(address: rules.Address) -> Address:
    """The GraphQL object of an address, phone number and all: whoever calls this has made sure who asks."""
    where = address.destination
    return Address(
        id=show_id("address", address.id),
        recipient=where.recipient,
        phone=where.phone,
        province=where.province,
        city=where.city,
        district=where.district,
        region_code=where.region_code,
        street=where.street,
        is_default=address.is_default,
        owner=address.shopper_id,
    )


def _read(input: AddressInput) -> rules.Destination:
    return rules.Destination(
        recipient=input.recipient,
        phone=input.phone,
        province=input.province,
        city=input.city,
        district=input.district,
        region_code=input.region_code,
        street=input.street,
    )
