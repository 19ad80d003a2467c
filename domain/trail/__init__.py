"""The trail (操作日志): who of the staff did what, and to which thing; written with the deed, never changed.

Words: deed 操作 (what was done, and to which thing).
Leans on foundation only.
"""
