"""Insights (数据): what came of a live room, and of whoever sold there, worked out from the ledger whenever it is asked for; and
what paid membership brings, added up from sums that are kept of each day.

Words: room figures 直播数据, GMV 成交金额 (paid orders, refunded ones too), net 净成交额 (less what was agreed to go back),
conversion 转化率 (buyers in distinct viewers), average order 客单价, guide 导购 (by whose links viewers come), leaderboard 排行榜;
penetration 渗透率, renewal rate 续费率, revenue per member 单客产值, spend multiple 消费倍数.
Nothing of a room is kept a second time. Leans on viewers, live rooms, memberships, sharing and orders.
"""
