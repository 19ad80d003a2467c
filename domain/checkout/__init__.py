"""Checkout (结算): from a basket to a quote, and from the same basket to an order at exactly that price.

Words: quote 报价, delivery 快递配送, pickup 到店自提, pickup code 提货码, problem 无法下单的原因.
Leans on pricing, carts, orders, suppliers, addresses and stock.
"""
