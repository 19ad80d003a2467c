"""The back office (后台): how staff find orders, read their whole history, and see where the money stands.

Words: history 订单历程, export 导出, takings 营收.
Reads what every feature keeps; what it does itself is calling off and remarking. Leans on all of them, none leans on it.
"""
