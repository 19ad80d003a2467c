"""What a share is: its target and words, whose visit counts for the sharer, and what is counted."""

SHARDS = 8
"""Rows in which the counts of one link are kept."""
