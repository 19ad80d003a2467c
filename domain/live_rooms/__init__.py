"""Live rooms (直播间): a host sells on air, and what happens in the room reaches every phone in a moment.

Words: room 直播间, host 主播, assistant 场控, crew 直播团队 (both), shelf 购物袋, item 直播商品, on air 讲解中, to pin 置顶,
chapter 讲解回放 (the time an item was on air), live price 直播价 (while on air, and a grace period after),
reservation 预约, reminder 开播提醒.
What happens in a room is numbered without gaps in the ledger, and reaches every process through the live bus.
Leans on flash sales, group-buys, coupons, checkout, orders, products, stores and sharing.
"""
