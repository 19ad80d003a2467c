"""Entries, their postings and the checkpoints of balances."""

from collections.abc import Iterable

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    Uuid,
)

from domain.foundation.money import POINTS_CURRENCY
from domain.foundation.tables import id_column, metadata, moment
from domain.ledger.rules import IN_POINTS, LONGEST_SUBJECT, Account


def _named(accounts: Iterable[Account]) -> str:
    return ", ".join(f"'{account}'" for account in accounts)


entries = Table(
    "ledger_entries",
    metadata,
    id_column(),
    Column("kind", String(20), nullable=False),
    id_column("cause_id"),
    # what the money is for: an order, mostly
    Column("about_id", Uuid),
    # how many postings it has, so that none is added or lost
    Column("postings", SmallInteger, nullable=False),
    moment("occurred_at"),
    moment("recorded_at"),
    UniqueConstraint("kind", "cause_id"),
    CheckConstraint("postings >= 2", name="postings"),
)
Index("ledger_entries_about_idx", entries.c.about_id)

postings = Table(
    "ledger_postings",
    metadata,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    Column("entry_id", Uuid, ForeignKey("ledger_entries.id"), nullable=False),
    # 1 to the entry's count: with the balance below, nothing can be added to an entry that is complete
    Column("number", SmallInteger, nullable=False),
    Column("account", String(20), nullable=False),
    Column("subject", String(LONGEST_SUBJECT), nullable=False, server_default=""),
    Column("currency", String(3), nullable=False),
    # debit above zero, credit below
    Column("amount_minor", BigInteger, nullable=False),
    # its entry's: a statement is ordered by it
    moment("recorded_at"),
    UniqueConstraint("entry_id", "number"),
    CheckConstraint("number >= 1", name="number"),
    CheckConstraint("amount_minor <> 0", name="amount"),
    CheckConstraint(f"account IN ({_named(Account)})", name="account"),
    CheckConstraint(f"(currency = '{POINTS_CURRENCY}') = (account IN ({_named(IN_POINTS)}))", name="currency"),
)
# A statement's question, answered from the index alone: what was posted on this account, and when?
Index(
    "ledger_postings_account_idx",
    postings.c.account,
    postings.c.subject,
    postings.c.currency,
    postings.c.recorded_at,
    postings.c.position,
    postgresql_include=["amount_minor"],
)

# All balances up to and with a position; every posting up to there was committed when they were made.
checkpoints = Table(
    "ledger_checkpoints",
    metadata,
    Column("position", BigInteger, nullable=False),
    Column("account", String(20), nullable=False),
    Column("subject", String(LONGEST_SUBJECT), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("debit_minor", BigInteger, nullable=False),
    Column("credit_minor", BigInteger, nullable=False),
    moment("made_at"),
    PrimaryKeyConstraint("position", "account", "subject", "currency"),
    CheckConstraint("debit_minor >= 0 AND credit_minor >= 0", name="amounts"),
)

# Both are asked once for each statement, not for each row, and look at what the statement has written: an entry comes
# with all its postings in one statement, or is refused.
BALANCE = """
CREATE FUNCTION refuse_unbalanced() RETURNS trigger LANGUAGE plpgsql AS
$$
DECLARE culprit uuid;
BEGIN
  SELECT part.entry_id INTO culprit
  FROM (
    SELECT entry_id, sum(amount_minor) AS off, count(*) AS postings, max(number) AS last, min(recorded_at) AS earliest,
           max(recorded_at) AS latest, min(position) AS first
    FROM added GROUP BY entry_id, currency
  ) AS part JOIN ledger_entries AS entry ON entry.id = part.entry_id
  GROUP BY part.entry_id, entry.postings, entry.recorded_at
  -- the last: before a checkpoint nothing is missing any more
  HAVING bool_or(off <> 0) OR sum(part.postings) <> entry.postings OR max(last) <> entry.postings
      OR min(earliest) <> entry.recorded_at OR max(latest) <> entry.recorded_at
      OR min(first) <= (SELECT max(position) FROM ledger_checkpoints)
  LIMIT 1;
  IF culprit IS NOT NULL THEN
    RAISE EXCEPTION 'ledger entry % is not whole, does not balance or comes too late', culprit USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$
"""
POSTINGS_BALANCE = """
CREATE TRIGGER ledger_postings_balance AFTER INSERT ON ledger_postings REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION refuse_unbalanced()
"""
# An entry without postings would say nothing of what moved.
COMPLETE = """
CREATE FUNCTION refuse_incomplete() RETURNS trigger LANGUAGE plpgsql AS
$$
DECLARE culprit uuid;
BEGIN
  SELECT entry.id INTO culprit FROM written AS entry
  WHERE NOT EXISTS (SELECT FROM ledger_postings AS posting WHERE posting.entry_id = entry.id AND posting.number = 1)
  LIMIT 1;
  IF culprit IS NOT NULL THEN
    RAISE EXCEPTION 'ledger entry % lacks postings', culprit USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$
"""
ENTRIES_COMPLETE = """
CREATE TRIGGER ledger_entries_complete AFTER INSERT ON ledger_entries REFERENCING NEW TABLE AS written
FOR EACH STATEMENT EXECUTE FUNCTION refuse_incomplete()
"""
APPEND_ONLY = tuple(
    f"""
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
"""
    for table in ("ledger_entries", "ledger_postings", "ledger_checkpoints")
)
TRIGGERS = (BALANCE, POSTINGS_BALANCE, COMPLETE, ENTRIES_COMPLETE, *APPEND_ONLY)
