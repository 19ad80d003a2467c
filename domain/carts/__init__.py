"""Carts (购物车): what a shopper means to buy; nothing in it is promised.

Words: cart 购物车, cart line 购物车商品, price drift 价格变动, guest cart 游客购物车, merge 合并.
Leans on pricing, stock and products.
"""
