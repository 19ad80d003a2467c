"""Suppliers (供应商): who sends goods for us (一件代发), what they have and what they are owed.

Words: supplier 供应商, drop-shipping 一件代发, stock feed 库存同步, settlement 结算.
Leans on stock, the trail and the ledger.
"""
