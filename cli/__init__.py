"""How an operator drives the market: `nightmarket up | demo | seed | audit | bench ...`."""
