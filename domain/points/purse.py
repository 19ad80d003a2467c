"""A shopper's points while their account is locked: pure arithmetic, which keeps what is to be written.

One of balance and debt is always 0: what comes in pays the debt first, and what goes out beyond the balance is owed.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.foundation.ids import new_id
from domain.points.rules import Cause, Move, MoveKind, NotEnoughPoints, expiry_after_return


@dataclass(slots=True)
class Lot:
    """Points that expire together: `points` came in, `unused` of them are still there, `expired` went with their time."""

    id: UUID
    move_id: UUID
    expires_at: datetime
    points: int
    unused: int
    expired: int = 0


@dataclass(slots=True)
class Use:
    """Points of a lot that an order has; those without a lot were owed when the order took them."""

    order_id: UUID
    lot: Lot | None
    points: int


@dataclass(frozen=True, slots=True)
class Reason:
    """Why points move. `order_id` is the order that it is about, if it is about one."""

    cause: Cause
    cause_id: UUID
    order_id: UUID | None = None
    note: str = ""


@dataclass(slots=True)
class Purse:
    """What somebody has and owes. `lots` are those with points left, what expires first in front.

    `uses` are those of the one order that it is opened for, by lot.
    """

    account_id: UUID
    balance: int
    owed: int
    lots: list[Lot] = field(default_factory=list)
    uses: dict[UUID | None, Use] = field(default_factory=dict)
    moves: list[Move] = field(default_factory=list)
    """What happened, in its order; to be written."""
    changed: dict[UUID, Lot] = field(default_factory=dict)
    """Lots to be written."""

    @property
    def used(self) -> int:
        """The points that the order has."""
        return sum(use.points for use in self.uses.values())

    def expire(self, now: datetime) -> None:
        """What nobody used in time is gone."""
        for lot in [lot for lot in self.lots if lot.expires_at <= now]:
            points = lot.unused
            lot.expired += points
            self._take(points, [lot])
            self._note(MoveKind.EXPIRED, points, Reason(Cause.EXPIRY, lot.id), now)

    def give(self, points: int, reason: Reason, *, expires_at: datetime, now: datetime) -> UUID | None:
        """More points, which count until `expires_at`; the id of their lot, None where all of them paid what was owed."""
        move_id = new_id()
        lot = self._add_lot(self._pay_debt(points), move_id, expires_at)
        self._note(MoveKind.GIVEN, points, reason, now, move_id)
        return lot.id if lot else None

    def spend(self, points: int, reason: Reason, *, now: datetime) -> None:
        """Points for an order, what expires first in front. Raises NotEnoughPoints."""
        if points > self.balance:
            raise NotEnoughPoints(wanted=points, points=self.balance)
        self.spend_or_owe(points, reason, now=now)

    def spend_or_owe(self, points: int, reason: Reason, *, now: datetime) -> None:
        """Points for an order that has its discount already: what is missing is owed."""
        assert reason.order_id is not None, "points are spent on an order"
        for lot, taken in self._take(points, self.lots):
            use = self.uses.setdefault(lot.id if lot else None, Use(reason.order_id, lot, 0))
            use.points += taken
        self._note(MoveKind.SPENT, points, reason, now)

    def take_back(self, points: int, reason: Reason, *, now: datetime, lot_id: UUID | None = None) -> None:
        """Points that should not have been given: of that lot, then what expires first; what is missing is owed."""
        self._take(points, sorted(self.lots, key=lambda lot: lot.id != lot_id))
        self._note(MoveKind.TAKEN_BACK, points, reason, now)

    def put_back(self, points: int, reason: Reason, *, now: datetime) -> None:
        """So many of the order's points come back: first what was owed for it, then what expires last.

        They count as long as they did; those whose time is over meanwhile, and those that were owed, for some days more.
        """
        move_id, missing, late = new_id(), points, 0
        for use in sorted(self.uses.values(), key=_last_used, reverse=True):
            back = min(use.points, missing)
            use.points -= back
            missing -= back
            kept = self._pay_debt(back)
            if use.lot is None or use.lot.expires_at <= now:
                late += kept
            else:
                self._refill(use.lot, kept)
        assert missing == 0, f"{missing} points come back to {self.account_id} that no order has"
        self._add_lot(late, move_id, expiry_after_return(now))
        self._note(MoveKind.RETURNED, points, reason, now, move_id)

    def _take(self, points: int, lots: Iterable[Lot]) -> list[tuple[Lot | None, int]]:
        """Points out of these lots, one after the other; what is missing is owed, and comes last, without a lot."""
        taken: list[tuple[Lot | None, int]] = []
        for lot in lots:
            if part := min(lot.unused, points):
                lot.unused -= part
                self.balance -= part
                points -= part
                self.changed[lot.id] = lot
                taken.append((lot, part))
        if points:
            self.owed += points
            taken.append((None, points))
        self.lots = [lot for lot in self.lots if lot.unused]
        return taken

    def _pay_debt(self, points: int) -> int:
        """What is left of the points once they have paid what is owed."""
        paid = min(points, self.owed)
        self.owed -= paid
        return points - paid

    def _add_lot(self, points: int, move_id: UUID, expires_at: datetime) -> Lot | None:
        if points == 0:
            return None
        lot = Lot(new_id(), move_id, expires_at, points, 0)
        self._refill(lot, points)
        return lot

    def _refill(self, lot: Lot, points: int) -> None:
        if points == 0:
            return
        if lot.unused == 0:
            self.lots = sorted([*self.lots, lot], key=_expiry)
        lot.unused += points
        self.balance += points
        self.changed[lot.id] = lot

    def _note(self, kind: MoveKind, points: int, reason: Reason, now: datetime, move_id: UUID | None = None) -> None:
        self.moves.append(
            Move(
                id=move_id or new_id(),
                account_id=self.account_id,
                kind=kind,
                cause=reason.cause,
                cause_id=reason.cause_id,
                order_id=reason.order_id,
                points=points,
                balance=self.balance,
                owed=self.owed,
                note=reason.note,
                moved_at=now,
            )
        )


def _expiry(lot: Lot) -> tuple[datetime, UUID]:
    return lot.expires_at, lot.id


def _last_used(use: Use) -> tuple[bool, *tuple[Any, ...]]:
    return (True,) if use.lot is None else (False, *_expiry(use.lot))
