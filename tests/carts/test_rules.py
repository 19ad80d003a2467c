import pytest

from domain.carts.rules import Availability, CartLine, check_quantity, guest_hash, new_guest_token
from domain.foundation.errors import BadInput
from domain.foundation.ids import new_id
from domain.foundation.money import Money
from tests.conftest import NOON


def line(**changes):
    about = {
        "sku_id": new_id(),
        "product_id": new_id(),
        "title": "桂花酒酿",
        "options": (),
        "image_url": None,
        "quantity": 3,
        "is_chosen": True,
        "price": Money(1990),
        "seen_price": Money(1990),
        "added_at": NOON,
        "free": 10,
        "is_sold": True,
    }
    return CartLine(**about | changes)


@pytest.mark.parametrize(
    ("free", "is_sold", "availability"),
    [
        (3, True, Availability.AVAILABLE),
        (2, True, Availability.TOO_FEW),
        (0, True, Availability.SOLD_OUT),
        (3, False, Availability.NOT_SOLD_ANY_MORE),
        (0, False, Availability.NOT_SOLD_ANY_MORE),
    ],
)
def test_a_line_says_whether_it_can_be_bought(free, is_sold, availability):
    assert line(free=free, is_sold=is_sold).availability is availability


@pytest.mark.parametrize(("price", "drift"), [(1990, 0), (2190, 200), (1790, -200)])
def test_price_drift_has_a_sign(price, drift):
    assert line(price=Money(price)).price_drift == Money(drift)


@pytest.mark.parametrize("quantity", [0, -1, 1000])
def test_a_line_has_1_to_999_units(quantity):
    assert (check_quantity(1), check_quantity(999)) == (1, 999)
    with pytest.raises(BadInput, match="allowed: 1 to 999"):
        check_quantity(quantity)


def test_a_token_is_random_and_what_is_kept_of_it_is_not_the_token():
    one, other = new_guest_token(), new_guest_token()

    assert one != other
    assert len(one) == 43  # 32 bytes
    assert guest_hash(one) == guest_hash(one) != guest_hash(other)
    assert one.encode() not in guest_hash(one)
    assert len(guest_hash("\ud800\0")) == 32  # whatever a client sends
