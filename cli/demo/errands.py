"""The operations of the counter, as an app of the market has them in its code."""

_NO = "... on UserError { code message }"


def mutation(field: str, kind: str, wanted: str) -> str:
    """A mutation of one input, which answers with this type or refuses."""
    name = field[0].upper() + field[1:]
    return f"mutation {name}($input: {name}Input!) {{ {field}(input: $input) {{ __typename ... on {kind} {wanted} {_NO} }} }}"


_QUOTED = "total { minor } problems { code message } lines { title explanation { rule text } }"
_ORDER = (
    "id number state total { minor } lateOutcome lines { position title quantity } "
    "afterSales { id state agreed { minor } } payment { state }"
)

MINIMUM = "mutation Minimum($input: SetMinimumOrderInput!) { setMinimumOrder(input: $input) { fulfilment } }"
TEMPLATES = "query Templates { freightTemplates(first: 1) { nodes { id } } }"
FREIGHT = mutation("writeFreightTemplate", "FreightTemplate", "{ id }")
SALE_PRICE = mutation("setSalePrice", "SalePrice", "{ id }")
ADDRESS = mutation("createAddress", "Address", "{ id }")
ADD = mutation("addToCart", "Cart", "{ units }")
QUOTE = f"query Quote($input: QuoteInput!) {{ quote(input: $input) {{ {_QUOTED} }} }}"
PLACE = mutation("placeOrder", "Order", "{ id number state }")
PAY = mutation("payOrder", "PaymentInstructions", "{ wechat { appId timeStamp nonceStr package signType paySign } }")
CANCEL = mutation("cancelOrder", "Order", "{ id state }")
ORDER = f"query Order($id: ID!) {{ order(id: $id) {{ {_ORDER} }} }}"
SHIP = mutation("shipOrder", "Shipment", "{ id }")
CONFIRM = mutation("confirmReceipt", "Order", "{ id state }")
ASK_BACK = mutation("requestAfterSale", "AfterSale", "{ id state }")
DECIDE = mutation("decideAfterSale", "AfterSale", "{ id state }")
SEND_BACK = mutation("sendBackGoods", "AfterSale", "{ id state }")
ARRIVAL = mutation("confirmReturnArrival", "AfterSale", "{ id state }")
