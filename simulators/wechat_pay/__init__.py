"""A WeChat Pay v3 of our own: another company, which moves play money and speaks the real one's protocol over HTTP.

It verifies the merchant's RSA signatures, signs its answers and notices with its own key (named by a public-key id) and
seals what notices say with AES-256-GCM. It forgets everything when it ends. Run it as a process of its own:

    python -m simulators.wechat_pay --port 8100 --keys wechat_pay.json          keys are made where there are none
    python -m simulators.wechat_pay --port 8100 --keys wechat_pay.json --show   prints the merchant's knobs, and ends

Its doors: `/v3/...` for the merchant, `/wallet` for the shopper, and `/simulator/...` for whoever wants to see it
misbehave:

    POST /simulator/behaviour   how notices travel (`behaviour`, `delay_ms`, see `simulators.couriers`), `slow_ms` before
                                each answer, `is_down`, `refunds` ("done", "abnormal", "closed", "not_enough"),
                                `refund_ms`, `fee_per_10000`, `charges` of contracts ("done", "failed": accepted and then
                                not paid, "not_enough": refused at once), `today` on its calendar of charges; what is
                                left out goes back to its default
    POST /simulator/forge       bring `count` false notices of a `kind` for `out_trade_no`; how they were answered
    GET  /simulator/requests    how often each of the merchant's doors was asked
    GET  /simulator/statement   what came in and what went back
"""
