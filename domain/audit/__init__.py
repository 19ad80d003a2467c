"""The audit (对账): proof that the books agree after any run, or the rows in which they do not.

Words: check 核对项, subject 对象, expected 应为, found 实为, in flight 在途 (kept in an event that is not
heard yet), snapshot 快照. Reads and never writes. Leans on every feature, and none leans on it.
"""
