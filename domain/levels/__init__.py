"""Customer levels (会员等级): growth value from settled spend, and the ladder that it climbs.

Words: growth value 成长值, growth move 成长值明细 (what an order brought, or a refund took back), level ladder 等级阶梯
(versioned), decay 成长值衰减, settled spend 结算消费, level guarantee 保级期 (until when a level is held, whatever decays).
What a level is worth is benefits'. Leans on benefits and orders.
"""
