"""Check-ins (打卡): once a day in the shop's calendar, and more for whoever comes day after day.

Words: check-in 签到, streak 连续签到, streak reward 连签奖励.
Leans on points and coupons.
"""
