"""Trust (信任分层): how near somebody is to the shop, derived from what they did, and what to do next.

Words: trust tier 信任层级, evidence 证据, trust rule 分层规则 (versioned), tag 标签, remark 备注, complaint 投诉,
next action 下一步, pacing 触达节奏 (how many messages a tier bears), opt-out 退订.
Leans on super users, coupons, orders and sharing.
"""
