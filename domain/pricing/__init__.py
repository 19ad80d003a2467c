"""Pricing (计价): what a basket costs, and why: one engine that quotes and charges.

Words: quote 报价, basket 结算商品, rule 计价规则, explanation 价格说明, sale price 活动价, member price 会员价, coupon 优惠券,
price ladder 阶梯降价, freight template 运费模板, minimum order 起送金额, struck-through price 划线价, deal 成交.
Leans on products, stores, addresses and the trail.
"""
