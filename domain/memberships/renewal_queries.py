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


async def charges_by_contract_ids(reader: Database | Reader, ids: Sequence[UUID]) -> dict[UUID, list[Charge]]:
    """The charges of each contract, the newest term first; an empty list for one without."""
    found: dict[UUID, list[Charge]] = {contract_id: [] for contract_id in ids}
    statement = select(*CHARGE_COLUMNS).where(h.contract_id == func.any(list(ids))).order_by(h.ends_at.desc(), h.id)
    for row in await reader.rows(statement):
        found[row.contract_id].append(charge_of(row))
    return found
