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
SHARE_CIRCLES = 7_153_007
"""Visits that would change whose share counts for somebody, one at a time: each sees what the others have changed."""
SHARE_VISITORS = 7_153_008
"""The first of two numbers, the second a hash of a visitor: what people who are signed in open on a device, one at a time."""
SHARE_SHOPPERS = 7_153_009
"""The first of two numbers, the second a hash of a shopper: what they open, one at a time."""
MEMBERSHIP_BOOKS = 7_153_010
"""Days of membership fees, one at a time; shared by whoever makes or closes terms."""
SUPER_USERS = 7_153_012
"""Whoever lets people become super users, or says who may, one at a time."""
MEMBER_DAYS = 7_153_011
"""Sums of days of members being kept, one at a time: the second finds them done."""
ROOM_VIEWERS = 7_153_013
"""The first of two numbers, the second a hash of a live room: whoever adds to its viewers, one at a time."""
OUTBOX_LANES = 7_153_100
"""The first of the outbox's lanes; lane n adds n."""
