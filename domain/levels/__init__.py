"""Levels (等级): growth value from settled spend, and the ladder that it climbs.

Words: growth value 成长值, level 等级, level ladder 等级阶梯 (versioned), decay 成长值衰减, settled spend 结算消费.
What a level is worth is benefits'. Leans on benefits and orders.
"""
