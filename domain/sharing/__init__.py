"""Share links (分享链接): who showed what to whom, and which orders came of it.

Words: sharer 分享人, share link 分享链接 (with an opaque token), target 分享内容, channel 渠道, visit 访问 (somebody opened
a link), visitor 访客 (a device), attribution 归因 (which link an order came of), funnel 转化漏斗 (opened, signed in, joined, paid).
A share rewards nobody; what came of it is only noted. Leans on accounts.
"""
