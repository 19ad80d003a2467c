"""Customers (客户价值): what each has bought, returned, brought along and is worth, kept up with what becomes of orders.

Words: customer 客户, margin 毛利, user value 用户价值 (frequency x margin per order x referral index), referral index 推荐指数,
repurchase ladder 复购阶梯, cohort 同期群, recency 最近消费, frequency 消费频次, monetary value 消费金额, RFM segment 客户分群,
catch-up 增量更新 (whoever changed since the last one).
Leans on orders and sharing.
"""
