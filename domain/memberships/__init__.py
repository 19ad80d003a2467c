"""Memberships (付费会员): plans with a price, cards that somebody has bought, was given or has activated by code, and their terms.

Words: plan 会员方案, membership card 会员卡, term 会员期, gift 赠卡, activation code 激活码, renewal 续费,
auto-renewal contract 自动续费签约, grace period 宽限期, upgrade 升级, pro-rata credit 按日折抵, earned fee 已确认会费.
What a card is worth is benefits'. Leans on benefits, payments and the ledger.
"""
