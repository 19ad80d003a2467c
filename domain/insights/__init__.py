"""Insights (数据)."""
