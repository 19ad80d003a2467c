"""Payments (支付): money asked for, captured and given back, through a gateway that is another company.

Words: payable 应付单 (whatever is paid for: its type, id and amount), gateway 支付渠道, capture 收款, refund 退款,
notice 回调通知, bill 对账单 (what a gateway says has moved on a day), difference 对账差异.
Knows payables, not what they are. Leans on foundation; payers are accounts.
"""
