"""Entries, their postings and the checkpoints of balances."""

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

from domain.foundation.tables import id_column, metadata, moment

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
    Column("entry_id", Uuid, ForeignKey("ledger_entries.id"), nullable=False, index=True),
    Column("account", String(20), nullable=False),
    Column("subject", String(64), nullable=False, server_default=""),
    Column("currency", String(3), nullable=False),
    # debit above zero, credit below
    Column("amount_minor", BigInteger, nullable=False),
    CheckConstraint("amount_minor <> 0", name="amount"),
)
# A statement's question, and a balance's: what was posted on this account since a position?
Index("ledger_postings_account_idx", postings.c.account, postings.c.subject, postings.c.currency, postings.c.position)

# A balance up to and with a position; every posting up to there was committed when it was made.
checkpoints = Table(
    "ledger_checkpoints",
    metadata,
    Column("account", String(20), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("debit_minor", BigInteger, nullable=False),
    Column("credit_minor", BigInteger, nullable=False),
    moment("made_at"),
    PrimaryKeyConstraint("account", "subject", "currency", "position"),
)

# Checked when a statement ends, so all postings of an entry are inserted by one.
BALANCE = """
CREATE FUNCTION refuse_unbalanced() RETURNS trigger LANGUAGE plpgsql AS
$$
DECLARE culprit uuid;
BEGIN
  SELECT entry.id INTO culprit
  FROM ledger_entries AS entry JOIN ledger_postings AS posting ON posting.entry_id = entry.id
  WHERE entry.id IN (SELECT entry_id FROM added)
  GROUP BY entry.id, posting.currency, entry.postings
  HAVING sum(posting.amount_minor) <> 0 OR count(*) > entry.postings LIMIT 1;
  IF culprit IS NOT NULL THEN
    RAISE EXCEPTION 'ledger entry % does not balance', culprit USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$
"""
POSTINGS_BALANCE = """
CREATE TRIGGER ledger_postings_balance AFTER INSERT ON ledger_postings REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION refuse_unbalanced()
"""
# Checked at the commit: an entry without its postings would say nothing of what moved.
COMPLETE = """
CREATE FUNCTION refuse_incomplete() RETURNS trigger LANGUAGE plpgsql AS
$$
BEGIN
  IF (SELECT count(*) FROM ledger_postings WHERE entry_id = NEW.id) <> NEW.postings THEN
    RAISE EXCEPTION 'ledger entry % lacks postings', NEW.id USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$
"""
ENTRIES_COMPLETE = """
CREATE CONSTRAINT TRIGGER ledger_entries_complete AFTER INSERT ON ledger_entries DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION refuse_incomplete()
"""
APPEND_ONLY = tuple(
    f"""
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
"""
    for table in ("ledger_entries", "ledger_postings")
)
TRIGGERS = (BALANCE, POSTINGS_BALANCE, COMPLETE, ENTRIES_COMPLETE, *APPEND_ONLY)
