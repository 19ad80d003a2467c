"""Super users (超级用户): who buys first and brings friends, by rules that a shop sets and can change.

Words: super user 超级用户, super-user rule 超级用户规则 (versioned), core fans 核心粉丝, milestone 里程碑,
product poll 选品投票.
Leans on customers, memberships and the trail.
"""
