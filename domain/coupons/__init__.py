"""Coupons (优惠券)."""
