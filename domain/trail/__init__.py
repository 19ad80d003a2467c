"""The trail (操作日志): who of the staff did what, and to which thing; written with the deed, never changed.

Words: deed 操作 (what was done), subject 对象 (the thing it was done to).
Leans on foundation only.
"""
