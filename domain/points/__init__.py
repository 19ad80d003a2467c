"""Points (积分): earned on what was received and for deeds, spent in orders within a limit, and gone when their time is over.

Words: point 积分, point lot 积分批次 (points of one cause and one expiry; what expires first is used first), point move
积分明细, points owed 欠积分 (taken back after they were spent; the next ones pay for them), point rules 积分规则 (versioned).
Every movement stands in the ledger too, in points. Leans on checkout, orders and the ledger.
"""
