"""A WeChat platform of our own, as far as it is asked here: access tokens, logins, phone numbers, how orders were
sent, and the codes and links that open the mini-program.

It runs as a process of its own, `python -m simulators.wechat_platform --port 8102`, with the mini-program's id and secret in
WECHAT_APP_ID and WECHAT_APP_SECRET, and forgets everything when it ends.

Beside the mini-program's doors there are those of whoever plays the phones, or wants to see it misbehave:

    POST /commands/login    `{"openid": ..., "unionid": ...}` the code that wx.login would give this user's phone, who is new
                            where nobody was called so
    POST /commands/phone    `{"number": "13812345678", "country": "86"}` the code that getPhoneNumber would give; `appid`
                            for one that another mini-program got
    POST /commands/block    `{"openid": ..., "is_blocked": true}` the user counts as a risk
    POST /commands/advance  `{"seconds": 300}` the clock by which codes and minutes run goes on
    POST /commands/expire   the access token ends before its time
    POST /commands/fail     `{"errcode": -1, "times": 2, "door": "login"}` answers so; doors: upload, login, phone,
                            token, code, link; 500 is the HTTP status, "slow" no answer for ten seconds, "broken" no JSON
    POST /commands/pages    `{"pages": ["pages/share/share"]}` the pages that the published mini-program has, and no others
    GET  /commands/codes    scene and page of each code that was made
    GET  /commands/told     what it was told of orders, and how many access tokens it gave
"""
