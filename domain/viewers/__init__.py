"""Viewers (观众): who watches a live room, counted from real sockets and polls, and what they do besides watching.

Words: viewer 观众 (a shopper, or a device on which nobody was signed in), presence 在线 (of viewers in a process),
watching now 在线人数, peak 在线峰值, distinct viewers 累计观看人数, like 点赞, buying 正在购买,
counters 直播计数 (figures of a moment), sample 直播采样 (counters that are kept).
Presence and taps stand in Redis; who has ever watched, and samples, in the ledger. Leans on live rooms.
"""
