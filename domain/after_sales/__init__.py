"""After-sales (售后): money back, or goods and money back, for a whole order or some units of it.

Words: after-sale 售后单, refund only 仅退款, return and refund 退货退款, evidence 凭证图片, decision 审核, restock 回库.
Leans on orders, payments, stock and the trail.
"""
