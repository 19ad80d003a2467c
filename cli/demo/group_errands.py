"""The operations of the group-buys, as an app of the market has them in its code."""

from cli.demo.errands import mutation

_CAMPAIGN = (
    "{ __typename ... on GroupBuyCampaign { id title items { id soloPrice { minor } groupPrice { minor } } } "
    "... on UserError { code message } }"
)
_SEAT = "groupBuy { id } order { id }"
_FUNNEL = "funnel { opened signedIn joined paid }"
_GROUP = "state isCompletedByMerchant seats paid leader { name }"

CREATE = (
    f"mutation Create($input: CreateGroupBuyCampaignInput!) {{ createGroupBuyCampaign(input: $input) {_CAMPAIGN} }}"
)
PUBLISH = f"mutation Publish($id: ID!) {{ publishGroupBuyCampaign(id: $id) {_CAMPAIGN} }}"
STOP = f"mutation Stop($id: ID!) {{ stopGroupBuyCampaign(id: $id) {_CAMPAIGN} }}"
COMPLETE = mutation("completeGroupBuy", "GroupBuy", "{ id }")
OPEN = mutation("openGroupBuy", "GroupBuySeat", f"{{ {_SEAT} }}")
JOIN = f"""
mutation Join($input: JoinGroupBuyInput!) {{
  joinGroupBuy(input: $input) {{
    __typename
    ... on GroupBuySeat {{ {_SEAT} }}
    ... on GroupBuyFull {{ another {{ id leader {{ name }} }} }}
    ... on UserError {{ code message }}
  }}
}}"""
NEWS = f"""
query News($id: ID!) {{
  groupBuyEvents(id: $id) {{
    __typename
    ... on GroupBuyNews {{ pollAfterMs events {{ number kind seat happenedAt }} groupBuy {{ {_GROUP} }} }}
    ... on UserError {{ code message }}
  }}
}}"""
SHARE = mutation("createShareLink", "ShareLink", "{ id token }")
OPEN_LINK = mutation("openShareLink", "OpenedShare", "{ channel }")
MY_LINKS = f"query MyLinks {{ myShareLinks(first: 1) {{ nodes {{ id {_FUNNEL} }} }} }}"
WANT_POSTER = mutation("requestSharePoster", "SharePoster", "{ state }")
POSTER = "query Poster($id: ID!) { sharePoster(linkId: $id) { state url } }"
