"""The ledger of money (总账): double entry for every movement, balanced by the database and never changed again.

Words: entry 凭证 (one movement and its cause), posting 分录 (one amount on one account), debit 借方 (above zero),
credit 贷方 (below zero), money account 科目, subject 明细 (whose part of an account it is), checkpoint 结转 (a balance up to a
position), trial balance 试算平衡, statement 明细账 (what was posted on an account in a period).
Leans on the trail.
"""
