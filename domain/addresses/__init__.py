"""Addresses (收货地址): where a shopper's parcels go.

Words: address 收货地址, recipient 收货人, region code 行政区划代码 (GB/T 2260, six digits).
Leans on accounts.
"""
