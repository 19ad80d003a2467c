"""Audiences (人群): who a sale is for, and who may come earlier: members, levels, super users, tiers, segments.

Words: crowd 人群, segment 分群 (people who were chosen by a rule, or named), door 准入 (a crowd that a sale lets in),
early door 提前入场.
Leans on memberships, levels, super users, trust and customers.
"""
