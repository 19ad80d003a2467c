"""What a tracking number looks like, and where a parcel is after all that was heard of it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.foundation.errors import BadInput
from domain.foundation.ids import new_id
from domain.foundation.money import Money
from domain.orders.rules import Order, OrderState
from domain.shipments.rules import (
    Carrier,
    Shipment,
    ShipmentState,
    TrackingEvent,
    check_tracking_number,
    is_believable,
    receive_by_after_delivery,
    standing,
)

S = ShipmentState


@pytest.fixture
def parcel(now):
    return Shipment(new_id(), new_id(), None, Carrier.SF, "SF1234567890123", S.SHIPPED, now, new_id())


@pytest.mark.parametrize(
    ("carrier", "number", "clean"),
    [
        (Carrier.SF, " sf 1234567890123 ", "SF1234567890123"),
        (Carrier.YTO, "YT1234567890123", "YT1234567890123"),
        (Carrier.ZTO, "78123456789012", "78123456789012"),
        (Carrier.STO, "773012345678901", "773012345678901"),
        (Carrier.YUNDA, "4312345678901", "4312345678901"),
        (Carrier.JD, "JDVA12345678901-1-1-", "JDVA12345678901-1-1-"),
        (Carrier.EMS, "EA123456789CN", "EA123456789CN"),
        (Carrier.JT, "JT1234567890123", "JT1234567890123"),
        (Carrier.OTHER, "abc-1", "ABC-1"),
    ],
)
def test_numbers_of_the_carriers_are_taken(carrier, number, clean):
    assert check_tracking_number(carrier, number) == clean


@pytest.mark.parametrize(
    "number", ["", "SF", "12345", "SF12345678901234567", "SF123456789012\0", "顺丰1234567890123", "=1+1"]
)
def test_what_is_no_number_of_the_carrier_is_refused(number):
    with pytest.raises(BadInput):
        check_tracking_number(Carrier.SF, number)


def test_the_newest_word_says_where_a_parcel_is_whatever_came_first(parcel, now):
    moving = TrackingEvent(now + timedelta(hours=1), S.MOVING, "在途")
    troubled = TrackingEvent(now + timedelta(hours=2), S.TROUBLED, "疑难")

    assert standing([], parcel) == (S.SHIPPED, None)
    assert standing([troubled, moving], parcel) == (S.TROUBLED, None)
    assert standing([moving, replace(troubled, happened_at=now)], parcel) == (S.MOVING, None)


def test_delivered_is_the_end(parcel, now):
    delivered = TrackingEvent(now + timedelta(hours=3), S.DELIVERED, "已签收")
    complaint = TrackingEvent(now + timedelta(hours=9), S.TROUBLED, "退回")

    assert standing([complaint, delivered], parcel) == (S.DELIVERED, delivered.happened_at)


def test_nothing_is_believed_of_last_year_or_of_tomorrow(parcel, now):
    def at(moment):
        return is_believable(TrackingEvent(moment, S.DELIVERED, "已签收"), parcel, now)

    assert at(now) and at(now - timedelta(days=7)) and at(now + timedelta(hours=1))
    assert not at(now - timedelta(days=365)) and not at(now + timedelta(hours=2))


def test_delivery_makes_the_wait_shorter_and_never_longer(now):
    def hastened(days, *, is_extended=False):
        sent = replace(order(now), shipped_at=now, receive_by=now + timedelta(days=days))
        return receive_by_after_delivery(sent, now, is_extended=is_extended) - now

    assert hastened(15) == timedelta(days=7)
    assert hastened(22, is_extended=True) == timedelta(days=14)
    assert hastened(2) == timedelta(days=2)


def test_what_was_put_off_for_longer_than_parcels_need_stays(now):
    sent = replace(order(now), shipped_at=now)
    put_off = replace(sent, receive_by=now + timedelta(days=15, seconds=1))
    extended = replace(sent, receive_by=now + timedelta(days=22, seconds=1))

    assert receive_by_after_delivery(put_off, now, is_extended=False) == put_off.receive_by
    assert receive_by_after_delivery(extended, now, is_extended=True) == extended.receive_by


def order(now):
    return Order(
        id=new_id(),
        number="26111100100001",
        shopper_id=new_id(),
        state=OrderState.SHIPPED,
        total=Money(1990),
        source=None,
        source_id=None,
        placed_at=now,
        pay_by=now,
    )
