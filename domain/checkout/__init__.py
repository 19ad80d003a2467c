"""Checkout (结算): from a basket to a quote, and from the same basket to an order at exactly that price.

Words: delivery 快递配送, pickup code 提货码, problem 无法下单的原因 (of a quote), wish 购买意向.
Leans on pricing, carts, orders, suppliers, addresses and stock.
"""
