"""Stores (门店): where goods are picked up, and whose price ladders run in the evening.

Words: store 门店, pickup 自提.
Leans on the trail.
"""
