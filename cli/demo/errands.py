"""The operations of the counter, as an app of the market has them in its code."""

_NO = "... on UserError { code message }"


def _mutation(field: str, kind: str, wanted: str) -> str:
    name = field[0].upper() + field[1:]
    return f"mutation {name}($input: {name}Input!) {{ {field}(input: $input) {{ __typename ... on {kind} {wanted} {_NO} }} }}"


_QUOTED = "total { minor } problems { code message } lines { title explanation { rule text } }"
_ORDER = (
    "id number state total { minor } lateOutcome lines { position title quantity } "
    "afterSales { id state agreed { minor } } payment { state }"
)

MINIMUM = "mutation Minimum($input: SetMinimumOrderInput!) { setMinimumOrder(input: $input) { fulfilment } }"
TEMPLATES = "query Templates { freightTemplates(first: 1) { nodes { id } } }"
FREIGHT = _mutation("writeFreightTemplate", "FreightTemplate", "{ id }")
SALE_PRICE = _mutation("setSalePrice", "SalePrice", "{ id }")
ADDRESS = _mutation("createAddress", "Address", "{ id }")
ADD = _mutation("addToCart", "Cart", "{ units }")
QUOTE = f"query Quote($input: QuoteInput!) {{ quote(input: $input) {{ {_QUOTED} }} }}"
PLACE = _mutation("placeOrder", "Order", "{ id number state }")
PAY = _mutation("payOrder", "PaymentInstructions", "{ wechat { appId timeStamp nonceStr package signType paySign } }")
CANCEL = _mutation("cancelOrder", "Order", "{ id state }")
ORDER = f"query Order($id: ID!) {{ order(id: $id) {{ {_ORDER} }} }}"
SHIP = _mutation("shipOrder", "Shipment", "{ id }")
CONFIRM = _mutation("confirmReceipt", "Order", "{ id state }")
ASK_BACK = _mutation("requestAfterSale", "AfterSale", "{ id state }")
DECIDE = _mutation("decideAfterSale", "AfterSale", "{ id state }")
SEND_BACK = _mutation("sendBackGoods", "AfterSale", "{ id state }")
ARRIVAL = _mutation("confirmReturnArrival", "AfterSale", "{ id state }")
