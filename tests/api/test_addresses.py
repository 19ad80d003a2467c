"""Addresses as shoppers keep them."""

from uuid import UUID

import pytest

from domain.accounts.rules import Role
from domain.foundation.ids import encode

HOME = {
    "recipient": "王小明",
    "phone": "13812345678",
    "province": "上海市",
    "city": "上海市",
    "district": "静安区",
    "regionCode": "310106",
    "street": "南京西路 1 号",
}
FIELDS = "id recipient phone province city district regionCode street isDefault"
CREATE = f"""mutation ($input: CreateAddressInput!) {{ createAddress(input: $input) {{
    __typename ... on Address {{ {FIELDS} }} ... on UserError {{ code message }} }} }}"""
UPDATE = f"""mutation ($input: UpdateAddressInput!) {{ updateAddress(input: $input) {{
    __typename ... on Address {{ {FIELDS} }} ... on UserError {{ code }} }} }}"""
DEFAULT = """mutation ($id: ID!) { setDefaultAddress(input: {addressId: $id}) {
    __typename ... on Address { isDefault } ... on UserError { code } } }"""
DELETE = """mutation ($id: ID!) { deleteAddress(input: {addressId: $id}) {
    __typename ... on AddressDeleted { defaultAddress { id } } ... on UserError { code } } }"""
ALL = "{ addresses { nodes { id isDefault } } }"
NODE = "query ($id: ID!) { node(id: $id) { ... on Address { phone } } }"


async def test_a_shopper_keeps_changes_and_forgets_addresses(ask, given):
    shopper_id = await given.shopper()

    first = (await ask(CREATE, {"input": {"address": HOME}}, by=shopper_id)).data
    second = (await ask(CREATE, {"input": {"address": HOME | {"street": "淮海路 2 号"}}}, by=shopper_id)).data
    made = (await ask(DEFAULT, {"id": second["id"]}, by=shopper_id)).data
    change = {"addressId": first["id"], "address": HOME | {"phone": "+86 139 8765 4321"}}
    changed = (await ask(UPDATE, {"input": change}, by=shopper_id)).data
    listed = (await ask(ALL, by=shopper_id)).data["nodes"]
    gone = (await ask(DELETE, {"id": second["id"]}, by=shopper_id)).data
    left = (await ask("{ defaultAddress { id } }", by=shopper_id)).data

    assert first == {"__typename": "Address", "id": first["id"], "isDefault": True} | HOME
    assert made == {"__typename": "Address", "isDefault": True}
    assert (changed["phone"], changed["isDefault"]) == ("13987654321", False)
    assert listed == [{"id": second["id"], "isDefault": True}, {"id": first["id"], "isDefault": False}]
    assert gone == {"__typename": "AddressDeleted", "defaultAddress": {"id": first["id"]}}
    assert left == {"id": first["id"]}


async def test_nobody_sees_or_touches_anothers_address(ask, given):
    owner_id, stranger_id = await given.shopper(), await given.shopper()
    id = (await ask(CREATE, {"input": {"address": HOME}}, by=owner_id)).data["id"]

    for query, variables in (
        (UPDATE, {"input": {"addressId": id, "address": HOME}}),
        (DEFAULT, {"id": id}),
        (DELETE, {"id": id}),
    ):
        assert (await ask(query, variables, by=stranger_id)).data == {"__typename": "NotFound", "code": "NOT_FOUND"}
    assert (await ask(NODE, {"id": id})).data is None
    assert (await ask(NODE, {"id": id}, by=stranger_id)).data is None
    assert (await ask(NODE, {"id": id}, by=owner_id)).data == {"phone": "13812345678"}
    assert (await ask(NODE, {"id": id}, by=stranger_id, roles=[Role.FINANCE])).data == {"phone": "13812345678"}
    assert (await ask(ALL, by=stranger_id)).data == {"nodes": []}


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        (CREATE, {"input": {"address": HOME}}),
        (DELETE, {"id": encode("address", UUID(int=1))}),
        (ALL, {}),
        ("{ defaultAddress { id } }", {}),
    ],
)
async def test_addresses_are_for_those_who_sign_in(ask, query, variables):
    assert (await ask(query, variables)).codes == ["UNAUTHENTICATED"]


@pytest.mark.parametrize("wrong", [{"phone": "10086"}, {"regionCode": "沪"}, {"recipient": ""}, {"street": "路" * 201}])
async def test_what_nobody_could_deliver_to_is_the_askers_fault(ask, given, wrong):
    shopper_id = await given.shopper()

    answer = await ask(CREATE, {"input": {"address": HOME | wrong}}, by=shopper_id)

    assert answer.codes == ["BAD_USER_INPUT"]
    assert "allowed" in answer.json["errors"][0]["message"]
    assert (await ask(ALL, by=shopper_id)).data == {"nodes": []}


async def test_the_fifty_first_address_is_refused(ask, given):
    shopper_id = await given.shopper()
    for number in range(50):
        await ask(CREATE, {"input": {"address": HOME | {"street": f"{number} 号"}}}, by=shopper_id)

    refused = await ask(CREATE, {"input": {"address": HOME | {"street": "51 号"}}}, by=shopper_id)

    assert refused.data == {
        "__typename": "TooManyAddresses",
        "code": "TOO_MANY_ADDRESSES",
        "message": "最多保存 50 个收货地址",
    }
