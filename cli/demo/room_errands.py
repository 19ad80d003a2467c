"""The operations of the live room, as an app of the market has them in its code."""

from cli.demo.errands import mutation

_ROOM = "{ __typename ... on Room { id state items { id position } } ... on UserError { code message } }"
_DRAW = "{ __typename ... on LuckyDraw { id closesAt state seed entriesDigest entrants } ... on UserError { code message } }"

PRODUCTS = """
query Shelf {
  products(first: 100, filter: {inStock: true}) { nodes { id title skus { id available price { minor } } } }
}"""
STORE = mutation("createStore", "Store", "{ id }")
CREATE = f"mutation Create($input: CreateLiveRoomInput!) {{ createLiveRoom(input: $input) {_ROOM} }}"
SHELF = f"mutation Shelf($input: SetRoomShelfInput!) {{ setRoomShelf(input: $input) {_ROOM} }}"
GO_LIVE = f"mutation GoLive($id: ID!) {{ goLive(id: $id) {_ROOM} }}"
END = f"mutation End($id: ID!) {{ endRoom(id: $id) {_ROOM} }}"
ON_AIR = f"mutation OnAir($input: RoomItemInput!) {{ putOnAir(input: $input) {_ROOM} }}"
SALE = """
mutation Sale($input: StartRoomFlashSaleInput!) {
  startRoomFlashSale(input: $input) { __typename ... on FlashSale { id items { id } } ... on UserError { code message } }
}"""
BATCH = mutation("createCouponBatch", "CouponBatch", "{ id }")
DROP = mutation("dropCoupons", "CouponBatch", "{ id left }")
CLAIM_COUPON = mutation("claimCoupon", "Coupon", "{ couponCode }")
OPEN_DRAW = f"mutation OpenDraw($input: OpenLuckyDrawInput!) {{ openLuckyDraw(input: $input) {_DRAW} }}"
DRAW = f"mutation Draw($id: ID!) {{ drawLuckyDraw(id: $id) {_DRAW} }}"
ENTER = """
mutation Enter($id: ID!) {
  enterLuckyDraw(id: $id) { __typename ... on LuckyDrawEntry { number entryId } ... on UserError { code message } }
}"""
DRAWN = """
query Drawn($id: ID!) {
  luckyDraw(id: $id) {
    commitment seed entriesDigest pieces
    entries(first: 100) { nodes { number entryId } }
    winners(first: 100) { nodes { rank name entry { number } prize { name } } }
  }
}"""
COMMENT = """
mutation Comment($input: PostCommentInput!) {
  postComment(input: $input) { __typename ... on UserError { code message } }
}"""
LIKE = (
    "mutation Like($input: LikeRoomInput!) { likeRoom(input: $input) { __typename ... on UserError { code message } } }"
)
FIGURES = """
query Figures($id: ID!) {
  roomFigures(roomId: $id) {
    __typename
    ... on RoomFigures {
      sold { gmv { minor } orders buyers units }
      conversion distinctViewers peakViewers likes comments broughtViewers
      items { orders units gmv { minor } onAirSeconds item { id } }
      guides(first: 10) { name viewers orders gmv { minor } }
      curve { at viewers likes buying }
    }
    ... on UserError { code message }
  }
}"""
WATCH = """
subscription Watch($id: ID!, $since: Long) {
  roomEvents(roomId: $id, since: $since) {
    __typename
    ... on RoomNews { lastEvent events { number kind flashSale { id items { id } } draw { id } } }
    ... on UserError { code message }
  }
}"""
