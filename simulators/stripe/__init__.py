"""A Stripe of our own: Checkout Sessions, refunds and balance transactions over HTTP, told of by signed webhooks.

It runs as a process of its own, `python -m simulators.stripe --port 8200`, with the merchant's key in STRIPE_API_KEY, and
forgets everything when it ends. Merchants use the doors of `company`, shoppers the page `/c/pay/{session}`, and whoever
wants to see it misbehave those of `control`.
"""
