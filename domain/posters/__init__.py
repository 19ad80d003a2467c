"""Posters (分享海报) and cards (分享卡片): what a shared thing looks like to whoever is shown it.

Words: card 分享卡片 (title, price, struck-through price, picture), poster 海报 (a PNG with the card, the sharer's name and a code),
mini-program code 小程序码, landing page 落地页.
Leans on sharing, and on whatever can be shared: products, group-buys, flash sales, live rooms.
"""
