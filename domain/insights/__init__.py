"""Insights (数据): what came of a live room, and of whoever sold there, worked out from the ledger whenever it is asked for.

Words: room figures 直播数据, GMV 成交金额 (paid orders, refunded ones too), net 净成交额 (less what was agreed to go back),
conversion 转化率 (buyers in distinct viewers), average order 客单价, guide 导购 (by whose links viewers come), leaderboard 排行榜.
Nothing of it is kept a second time. Leans on viewers, live rooms, sharing and orders.
"""
