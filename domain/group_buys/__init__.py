"""Group-buys (拼团): shoppers who bring each other get a price of their own, if enough of them pay in time.

Words: campaign 拼团活动, group 团, seat 席位 (numbered, held while its member pays), opener 开团人, leader 团长 (the opener, or who
came next after the opener left), member 团员, to fill 成团, to expire 拼团失败, to dissolve 解散, merchant completes 商家成团,
newcomer 新客 (who has never paid for an order), opener's benefit 团长优惠.
A group places an order for each seat, confirms them when it is full and gives the money back when it expires.
Leans on orders, stock, products and sharing.
"""
