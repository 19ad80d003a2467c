"""The numbers of PostgreSQL's advisory locks: one list, so that no two uses ever share one."""

UPGRADES = 7_153_001
"""Migrations, one at a time."""
TIMETABLE = 7_153_002
"""Held by the worker that leads the timetable, for as long as it leads."""
IMPORTS = 7_153_003
"""Catalogue imports, one at a time."""
PAYOUTS = 7_153_004
"""Payouts being written down, one at a time: the second sees what is left at the gateway."""
UNPAID_ORDERS = 7_153_005
"""The first of two numbers, the second a hash of the shopper: their checkouts, one at a time."""
OUTSIDE_NAMES = 7_153_006
"""The first of two numbers, the second a hash of WeChat's name for somebody: their first visits, one at a time."""
OUTBOX_LANES = 7_153_100
"""The first of the outbox's lanes; lane n adds n."""
