"""Builders for the ledger: movements of money that nobody's order or payment is behind."""

from datetime import datetime
from uuid import UUID

from domain.foundation.database import Database
from domain.foundation.ids import new_id
from domain.ledger import store
from domain.ledger.rules import Account, Entry, EntryKind, moved


class LedgerGiven:
    """Builders for entries."""

    db: Database
    now: datetime

    def movement(
        self,
        amount_minor: int = 1990,
        *,
        debit: Account = Account.RECEIPTS,
        credit: Account = Account.PREPAID,
        debit_subject: str = "",
        credit_subject: str = "",
        about_id: UUID | None = None,
        at: datetime | None = None,
    ) -> Entry:
        """An entry of some paid order, not posted."""
        return moved(
            EntryKind.ORDER_PAID,
            cause_id=new_id(),
            about_id=about_id,
            at=at or self.now,
            amount_minor=amount_minor,
            debit=debit,
            credit=credit,
            debit_subject=debit_subject,
            credit_subject=credit_subject,
        )

    async def posted(self, *entries: Entry, now: datetime | None = None) -> None:
        """Post entries in one transaction."""
        async with self.db.transaction() as tx:
            await store.post(tx, entries, now=now or self.now)
