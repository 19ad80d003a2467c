"""Ids: TypeID at the border, UUIDv7 inside, and tickets that say in which lane they queue."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.foundation.ids import decode, encode, lane_of, new_id, new_ticket_id

ID = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
TEXT = "product_01h455vb4pex5vsknk084sn02q"


@pytest.mark.parametrize(
    ("suffix", "value"),
    [
        ("00000000000000000000000000", "00000000-0000-0000-0000-000000000000"),
        ("00000000000000000000000001", "00000000-0000-0000-0000-000000000001"),
        ("0000000000000000000000000g", "00000000-0000-0000-0000-000000000010"),
        ("00000000000000000000000010", "00000000-0000-0000-0000-000000000020"),
        ("7zzzzzzzzzzzzzzzzzzzzzzzzz", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
        ("0123456789abcdefghjkmnpqrs", "0110c853-1d09-52d8-d73e-1194e95b5f19"),
        ("01h455vb4pex5vsknk084sn02q", "01890a5d-ac96-774b-bcce-b302099a8057"),
    ],
)
def test_the_vectors_of_the_specification(suffix, value):
    assert encode("product", UUID(value)) == f"product_{suffix}"
    assert decode("product", f"product_{suffix}") == UUID(value)


@given(st.uuids(), st.sampled_from(["order", "saleitem", "flash_sale"]))
def test_every_id_comes_back_from_its_text(value, prefix):
    text = encode(prefix, value)

    assert decode(prefix, text) == value
    assert len(text) == len(prefix) + 1 + 26


@given(st.uuids(), st.uuids())
def test_texts_sort_as_their_ids_do(one, other):
    assert (encode("order", one) < encode("order", other)) == (one < other)


def test_an_id_of_another_type_is_refused_by_name():
    with pytest.raises(ValueError, match=r"'product_01h455vb4pex5vsknk084sn02q' is not the id of a order; .*'order_'"):
        decode("order", TEXT)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "01h455vb4pex5vsknk084sn02q",
        "_01h455vb4pex5vsknk084sn02q",
        "product-01h455vb4pex5vsknk084sn02q",
        "Product_01h455vb4pex5vsknk084sn02q",
        "product__01h455vb4pex5vsknk084sn02q",
    ],
)
def test_a_text_without_the_right_prefix_is_refused(text):
    with pytest.raises(ValueError, match="is not the id of a product"):
        decode("product", text)


@pytest.mark.parametrize(
    "suffix",
    [
        "",
        "01h455vb4pex5vsknk084sn02",  # 25
        "01h455vb4pex5vsknk084sn02q0",  # 27
        "01890a5d-ac96-774b-bcce-b302099a8057",
        "8zzzzzzzzzzzzzzzzzzzzzzzzz",  # 2^128 and more
        "80000000000000000000000000",
        "z0000000000000000000000000",
    ],
)
def test_a_suffix_too_short_too_long_or_too_large_is_refused(suffix):
    with pytest.raises(ValueError, match="is not a well-formed id: 26 characters follow 'product_'"):
        decode("product", f"product_{suffix}")


@pytest.mark.parametrize("character", "ilouILOUABZ-. !\x00é零")
def test_a_character_outside_the_alphabet_is_refused_by_name(character):
    with pytest.raises(ValueError, match="is not in its alphabet"):
        decode("product", f"product_0{character}h455vb4pex5vsknk084sn02q")


@given(st.text(max_size=40))
def test_whatever_is_pasted_is_an_id_or_a_clear_refusal(text):
    try:
        assert encode("product", decode("product", f"product_{text}")) == f"product_{text}"
    except ValueError as refused:
        assert "'product_" in str(refused)


def test_a_refusal_does_not_repeat_more_than_64_characters():
    with pytest.raises(ValueError, match="is not the id") as refused:
        decode("product", "x" * 10_000)

    assert len(str(refused.value)) < 200


def test_new_ids_are_uuids_of_version_7_and_never_twice():
    ids = [new_id() for _ in range(1000)]

    assert {(id.version, type(id)) for id in ids} == {(7, UUID)}
    assert len(set(ids)) == 1000
    assert sorted(ids) == ids


@given(st.integers(0, 2**32 - 1))
def test_a_ticket_says_in_which_lane_it_queues(lane):
    ticket_id = new_ticket_id(lane)

    assert lane_of(ticket_id) == lane
    assert ticket_id.version == 8
    assert ticket_id.variant == "specified in RFC 4122"
    assert lane_of(decode("ticket", encode("ticket", ticket_id))) == lane


def test_tickets_of_one_lane_differ():
    assert len({new_ticket_id(7) for _ in range(1000)}) == 1000
