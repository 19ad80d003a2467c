"""Splitting an amount so that the shares sum to the whole."""

from collections.abc import Mapping
from uuid import UUID


def split(amount: int, weights: Mapping[UUID, int]) -> dict[UUID, int]:
    """Shares of the amount in proportion to the weights, by largest remainder: they sum to it exactly.

    Amount and weights are 0 or more. No share is above its weight as long as the amount is not above their sum. Equal
    remainders are served by id, so that the order of the lines changes nobody's share. Without any weight above zero
    there is nobody to charge: all shares are 0 then.
    """
    whole = sum(weights.values())
    if whole == 0:
        return dict.fromkeys(weights, 0)
    shares = {key: amount * weight // whole for key, weight in weights.items()}
    left = amount - sum(shares.values())
    by_remainder = sorted(weights, key=lambda key: (-(amount * weights[key] % whole), key))
    for key in by_remainder[:left]:
        shares[key] += 1
    return shares
