"""Streams (推流)."""
