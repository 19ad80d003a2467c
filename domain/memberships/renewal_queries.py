"""How screens read contracts and charges."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on

from domain.foundation.database import Database, Reader
from domain.memberships.renewal_rules import Charge, Contract
from domain.memberships.renewal_store import CHARGE_COLUMNS, CONTRACT_COLUMNS, c, charge_of, contract_of, h


async def contracts_by_ids(reader: Database | Reader, ids: Sequence[UUID]) -> dict[UUID, Contract]:
    """Contracts that exist, by id."""
    rows = await reader.rows(select(*CONTRACT_COLUMNS).where(c.id == func.any(list(ids))))
    return {row.id: contract_of(row) for row in rows}


async def newest_contracts(reader: Database | Reader, account_ids: Sequence[UUID]) -> dict[UUID, Contract]:
    """What each of these accounts has signed, or was to sign, last; those that never did are left out."""
    found = select(*CONTRACT_COLUMNS).ext(distinct_on(c.account_id)).where(c.account_id == func.any(list(account_ids)))
    return {row.account_id: contract_of(row) for row in await reader.rows(found.order_by(c.account_id, c.id.desc()))}


async def newest_charges(reader: Database | Reader, contract_ids: Sequence[UUID]) -> dict[UUID, Charge]:
    """The charge of the newest term of each contract; those without one are left out."""
    found = select(*CHARGE_COLUMNS).ext(distinct_on(h.contract_id)).where(h.contract_id == func.any(list(contract_ids)))
    newest_first = found.order_by(h.contract_id, h.ends_at.desc(), h.id)
    return {row.contract_id: charge_of(row) for row in await reader.rows(newest_first)}
