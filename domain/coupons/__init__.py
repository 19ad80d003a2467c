"""Coupons (优惠券): money off a basket for whoever claimed one, as many as the shop has said and not one more.

Words: coupon batch 优惠券批次 (what is given out, on which terms), piece 张, face value 面额, threshold 使用门槛, cap 最高抵扣,
claim 领取, drop 发券 (a host's, into a live room), coupon code 券码, use 核销 (a coupon counts for an order), give back 退券.
What it takes off is pricing's to reckon. Leans on checkout, orders, products and the trail.
"""
