"""Coupons: what a batch promises, who gets a piece, and for which order it counts."""
