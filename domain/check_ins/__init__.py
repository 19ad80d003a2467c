"""Check-ins (签到): once a day in the shop's calendar, and more for whoever comes day after day.

Words: check-in 签到, streak 连续签到, streak reward 连签奖励, reward cycle 连签周期 (after which the rewards begin again).
Leans on points and coupons.
"""
