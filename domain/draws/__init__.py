"""Lucky draws (抽奖)."""
