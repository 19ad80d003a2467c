"""Benefits (权益): what somebody is granted for a while, as data, by whomever grants it: a plan, a level, a person of the staff.

Words: benefit 权益, benefit holding 权益持有 (benefits of one source, from and until a moment), member price 会员价,
member-only goods 会员专享商品, free delivery 包邮, early access 提前购, service lane 专属客服, birthday gift 生日礼,
benefit grant 权益发放 (what the timetable has given for a period, once).
Leans on coupons, points, checkout and products.
"""
