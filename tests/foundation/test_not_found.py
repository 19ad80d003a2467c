"""What shoppers read of things that are not there."""

import re
from pathlib import Path

from domain.foundation import ids
from domain.foundation.errors import THINGS, NotFound
from domain.foundation.ids import new_id

CODE = Path(__file__).parents[2]


def test_shoppers_read_the_name_of_a_thing_and_its_typed_id():
    id = new_id()
    refused = NotFound.of("order", id)

    assert refused == NotFound("order", ids.encode("order", id))
    assert refused.message() == "找不到该订单"
    assert refused.message("en") == f"no order with id {ids.encode('order', id)}"
    assert NotFound.of("upload", id, prefix="order").id == ids.encode("order", id)


def test_everything_that_may_not_be_found_has_a_name():
    raised = re.compile(r'NotFound(?:\.of)?\((?:kind=)?"(\w+)"')
    files = [*CODE.glob("domain/**/*.py"), *CODE.glob("api/*.py")]

    assert {kind for file in files for kind in raised.findall(file.read_text())} <= set(THINGS)
