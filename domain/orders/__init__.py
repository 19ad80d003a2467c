"""Orders (订单): what a shopper has bought, for how much, and until when it must be paid.

Words: order 订单, line 订单行, placed 待付款, paid 已付款, lapsed 超时关闭, cancelled 已取消, pay by 付款截止时间.
Orders know no promotion: a promotion places an order and hears what became of it. Leans on payments and stock.
"""
