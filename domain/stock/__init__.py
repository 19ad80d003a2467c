"""Stock (库存): how many units of each SKU are free, held or sold, and every movement that made it so.

Words: free 可售, held 占用, sold 已售, allotment 活动配额 (units set aside for one promotion), hold 预占,
movement 库存流水.
`total = free + held + sold` for every SKU and every allotment. Leans on products.
"""
