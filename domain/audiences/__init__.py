"""Audiences (人群): who a sale is for, and who may come earlier: members, levels, super users, tiers, segments.

Words: crowd 人群, door 准入 (a crowd that a sale lets in), early door 提前入场, entrance 入场记录 (who was let in, by which
door), segment 分群 (people who were chosen by a rule, or named), refresh 分群刷新 (a look at everybody by the rule).
Leans on memberships, levels, benefits, super users, trust and customers.
"""
