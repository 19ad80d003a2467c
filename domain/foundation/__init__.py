"""The ground floor: settings, engines, transactions, the outbox, ids, money, time and refusals.

Every feature leans on it and it leans on none. Nothing here knows a product, an order or a sale.
"""
