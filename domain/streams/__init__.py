"""Streams (直播流): a room's video, which a server of others carries: where the host pushes it, and where viewers play it.

Words: to push 推流, to play 拉流, hook 回调 (the server's word that somebody begins or ends), publisher 推流端, rehearsal 彩排.
A stream that begins makes its room go live, and one that breaks pauses it. Leans on live rooms.
"""
