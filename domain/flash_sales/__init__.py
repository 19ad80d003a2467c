"""Flash sales (限时抢购): a few units, a window of time, and far more shoppers than units.

Words: sale 抢购活动, slot 场次, item 抢购商品 (a SKU at a sale price with an allotment), gate 闸口 (the Redis counters that admit
claims), pass 入场券, claim 抢购, ticket 排队凭证, waiting line 候补队列, lane 通道 (one bucket of one item), epoch 闸口版本,
admission 放行 (so many shoppers a second, where a sale says so), place 排队号 (whose turn it is to be let in).
PostgreSQL is the ledger, Redis the gate: the gate may be too strict, never too lax, and is rebuilt from the ledger.
Leans on orders, stock and products.
"""
