"""Coupons (优惠券): money off a basket for whoever has claimed one, as many as the shop has said and not one more.

Words: coupon batch 优惠券批次 (what is given out, on which terms), coupon claim 领取, coupon code 券码, threshold 使用门槛,
cap 最高抵扣, drop 发券 (a host's, in a live room), coupon use 核销 (a coupon counts for an order), coupon return 退券.
What comes off is pricing's to reckon. Leans on checkout, orders, products and the trail.
"""
