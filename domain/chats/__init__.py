"""Room chat (直播间评论)."""
