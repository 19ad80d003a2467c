"""Viewers (观众)."""
