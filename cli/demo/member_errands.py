"""The operations of members, as an app of the market has them in its code."""

from cli.demo.errands import mutation

PLAN = mutation("createMembershipPlan", "MembershipPlan", "{ id }")
BUY = mutation("buyMembership", "MembershipPurchase", "{ id }")
GIVE = """
mutation Give($input: BuyMembershipInput!) {
  giftMembership(input: $input) { __typename ... on MembershipPurchase { id } ... on UserError { code message } }
}"""
MY_GIFTS = "query Gifts { myMembershipGifts(first: 1) { nodes { giftCode } } }"
PAY = mutation(
    "payMembership", "PaymentInstructions", "{ wechat { appId timeStamp nonceStr package signType paySign } }"
)
ACTIVATE = mutation("activateMembership", "Membership", "{ id }")
MINE = "query Mine { myMembership { id } }"
PREVIEW_REFUND = """
query Preview {
  previewMembershipRefund {
    __typename
    ... on MembershipRefundPreview { amount { minor } usedBenefits { minor } }
    ... on UserError { code message }
  }
}"""
REFUND = mutation("refundMembership", "Membership", "{ id }")
DOORS = mutation("setSaleDoors", "FlashSale", "{ id }")
CHECK_IN = "mutation CheckIn { checkIn { __typename } }"
GIVE_POINTS = mutation("adjustPoints", "PointMove", "{ points }")
QUOTE = """
query Quote($input: QuoteInput!) {
  quote(input: $input) {
    total { minor } points { used worth { minor } } problems { code message }
    lines { listPrice { minor } unitPrice { minor } }
  }
}"""
FIGURES = """
query Figures($from: Date!, $to: Date!) {
  membershipFigures(from: $from, to: $to) {
    members people newMembers termsDue
    penetration conversion renewalRate revenuePerMember { minor } revenuePerOther { minor } spendMultiple
  }
}"""
