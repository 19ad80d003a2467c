"""Room chat (直播间评论): what people write in a live room, and how its crew keeps it decent.

Words: comment 评论, badge 身份标识 (of who speaks for the shop), word list 敏感词表, to mask 打码, to withhold 拦截 (kept, and
shown to the crew only), to mute 禁言, to ban 拉黑 (cannot write nor watch), silence 禁言与拉黑 (a mute or a ban), slow mode
慢速模式.
A comment is kept with the room's event that shows it, and both are forgotten three years after the room.
Leans on live rooms.
"""
