"""Draws, their prizes, who has entered, and who has won."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    text,
)

from domain.foundation.tables import id_column, metadata, moment

draws = Table(
    "lucky_draws",
    metadata,
    id_column(),
    Column("room_id", Uuid, ForeignKey("live_rooms.id"), nullable=False),
    Column("title", String(60), nullable=False),
    Column("open_to", String(10), nullable=False),
    # of all its prizes together
    Column("pieces", SmallInteger, nullable=False),
    # where prizes are collected
    Column("store_id", Uuid, ForeignKey("stores.id"), nullable=False),
    moment("opened_at"),
    id_column("opened_by"),
    moment("closes_at"),
    # the timetable draws what the crew has not drawn by then
    moment("draw_by"),
    moment("prizes_until"),
    # SHA-256 of the seed; and the seed itself, sealed, until it is drawn and told
    Column("commitment", LargeBinary, nullable=False),
    Column("sealed_seed", LargeBinary, nullable=False),
    Column("state", String(10), nullable=False, server_default="open"),
    # how many entries there are, and the digest over them in their order
    Column("entrants", Integer, nullable=False, server_default="0"),
    Column("digest", LargeBinary, nullable=False),
    Column("seed", LargeBinary),
    moment("drawn_at", nullable=True),
    # None: by the timetable
    Column("drawn_by", Uuid),
    moment("called_off_at", nullable=True),
    Column("called_off_by", Uuid),
    Column("reason", String(200), nullable=False, server_default=""),
    CheckConstraint("state IN ('open', 'drawn', 'called_off')", name="state"),
    CheckConstraint("open_to IN ('everybody', 'buyers')", name="open_to"),
    CheckConstraint("pieces BETWEEN 1 AND 1000", name="pieces"),
    CheckConstraint("entrants >= 0", name="entrants"),
    CheckConstraint("opened_at < closes_at AND closes_at <= opened_at + interval '24 hours'", name="window"),
    CheckConstraint("closes_at <= draw_by AND draw_by < prizes_until", name="moments"),
    CheckConstraint("octet_length(commitment) = 32 AND octet_length(digest) = 32", name="hashes"),
    CheckConstraint("seed IS NULL OR sha256(seed) = commitment", name="seed"),
    CheckConstraint(
        "(state = 'drawn') = (seed IS NOT NULL) AND (state = 'drawn') = (drawn_at IS NOT NULL) AND drawn_at >= closes_at",
        name="drawn",
    ),
    CheckConstraint(
        "(state = 'called_off') = (called_off_at IS NOT NULL) AND (state = 'called_off') = (reason <> '')",
        name="called_off",
    ),
)
# What was drawn in this room?
Index("lucky_draws_room_idx", draws.c.room_id, draws.c.id.desc())
# The timetable's: which are to be drawn?
Index("lucky_draws_due_idx", draws.c.draw_by, postgresql_where=text("state = 'open'"))

prizes = Table(
    "lucky_draw_prizes",
    metadata,
    Column("draw_id", Uuid, ForeignKey("lucky_draws.id"), nullable=False),
    # the first is drawn first
    Column("position", SmallInteger, nullable=False),
    Column("name", String(60), nullable=False),
    Column("value_minor", BigInteger, nullable=False),
    Column("pieces", SmallInteger, nullable=False),
    PrimaryKeyConstraint("draw_id", "position"),
    CheckConstraint("position BETWEEN 1 AND 20", name="position"),
    CheckConstraint("value_minor BETWEEN 1 AND 5000000", name="value"),
    CheckConstraint("pieces >= 1", name="pieces"),
)

entries = Table(
    "lucky_draw_entries",
    metadata,
    Column("draw_id", Uuid, ForeignKey("lucky_draws.id"), nullable=False),
    # 1, 2, 3 ... of its draw
    Column("number", Integer, nullable=False),
    # random: everybody may see it, and only the shopper knows whose it is
    id_column("id", primary_key=False),
    Column("shopper_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    moment("entered_at"),
    PrimaryKeyConstraint("draw_id", "number"),
    UniqueConstraint("draw_id", "shopper_id"),
    CheckConstraint("number >= 1", name="number"),
)

winners = Table(
    "lucky_draw_winners",
    metadata,
    id_column(),
    Column("draw_id", Uuid, nullable=False),
    # 1 is drawn first
    Column("rank", SmallInteger, nullable=False),
    Column("number", Integer, nullable=False),
    Column("shopper_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("prize", SmallInteger, nullable=False),
    # the draw's
    Column("store_id", Uuid, ForeignKey("stores.id"), nullable=False),
    # what the winner shows there
    Column("code", String(10), nullable=False),
    moment("handed_over_at", nullable=True),
    Column("handed_over_by", Uuid),
    ForeignKeyConstraint(["draw_id", "number"], ["lucky_draw_entries.draw_id", "lucky_draw_entries.number"]),
    ForeignKeyConstraint(["draw_id", "prize"], ["lucky_draw_prizes.draw_id", "lucky_draw_prizes.position"]),
    UniqueConstraint("draw_id", "rank"),
    UniqueConstraint("draw_id", "number"),
    UniqueConstraint("draw_id", "shopper_id"),
    UniqueConstraint("store_id", "code"),
    CheckConstraint("rank BETWEEN 1 AND 1000", name="rank"),
    CheckConstraint("(handed_over_at IS NULL) = (handed_over_by IS NULL)", name="handed_over"),
)
# What have I won?
Index("lucky_draw_winners_shopper_idx", winners.c.shopper_id, winners.c.id.desc())

# Columns that the arguments name may change; all others stay as they were written.
FIXED = """
CREATE FUNCTION refuse_change_of_others() RETURNS trigger LANGUAGE plpgsql AS
$$
BEGIN
  IF to_jsonb(NEW) - TG_ARGV IS DISTINCT FROM to_jsonb(OLD) - TG_ARGV THEN
    RAISE EXCEPTION 'this of % was published and stays as it is', TG_TABLE_NAME USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$
"""
DRAWS_ARE_FIXED = """
CREATE TRIGGER lucky_draws_fixed BEFORE UPDATE ON lucky_draws FOR EACH ROW EXECUTE FUNCTION refuse_change_of_others(
  'state', 'entrants', 'digest', 'seed', 'drawn_at', 'drawn_by', 'called_off_at', 'called_off_by', 'reason')
"""
# Entries are only ever added, by a draw that stays open; the last change ends it.
COURSE = """
CREATE FUNCTION refuse_course_of_draw() RETURNS trigger LANGUAGE plpgsql AS
$$
BEGIN
  IF OLD.state <> 'open'
     OR NEW.entrants < OLD.entrants
     OR (NEW.entrants = OLD.entrants) <> (NEW.digest = OLD.digest)
     OR (NEW.state <> 'open' AND NEW.entrants <> OLD.entrants) THEN
    RAISE EXCEPTION 'lucky draw % does not go on like this', OLD.id USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$
"""
DRAWS_GO_ON = """
CREATE TRIGGER lucky_draws_course BEFORE UPDATE ON lucky_draws FOR EACH ROW EXECUTE FUNCTION refuse_course_of_draw()
"""
DRAWS_STAY = """
CREATE TRIGGER lucky_draws_stay BEFORE DELETE OR TRUNCATE ON lucky_draws
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
"""
# All prizes come in one statement, and no other after.
PRIZES = """
CREATE FUNCTION refuse_other_prizes() RETURNS trigger LANGUAGE plpgsql AS
$$
BEGIN
  IF EXISTS (
    SELECT FROM lucky_draws AS draw
    WHERE id IN (SELECT draw_id FROM added)
      AND pieces <> (SELECT sum(prize.pieces) FROM lucky_draw_prizes AS prize WHERE draw_id = draw.id)
  ) THEN
    RAISE EXCEPTION 'these are not the prizes that were published' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$
"""
PRIZES_ARE_WHOLE = """
CREATE TRIGGER lucky_draw_prizes_whole AFTER INSERT ON lucky_draw_prizes REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION refuse_other_prizes()
"""
OPEN = """
CREATE FUNCTION refuse_unless_draw_open() RETURNS trigger LANGUAGE plpgsql AS
$$
BEGIN
  IF EXISTS (SELECT FROM lucky_draws WHERE id IN (SELECT draw_id FROM added) AND state <> 'open') THEN
    RAISE EXCEPTION 'the lucky draw is over' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$
"""
ADDED_WHILE_OPEN = tuple(
    f"""
CREATE TRIGGER {table}_open AFTER INSERT ON {table} REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION refuse_unless_draw_open()
"""
    for table in ("lucky_draw_entries", "lucky_draw_winners")
)
APPEND_ONLY = tuple(
    f"""
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
"""
    for table in ("lucky_draw_prizes", "lucky_draw_entries")
)
WINNERS_ARE_FIXED = """
CREATE TRIGGER lucky_draw_winners_fixed BEFORE UPDATE ON lucky_draw_winners FOR EACH ROW
WHEN (OLD.handed_over_at IS NULL) EXECUTE FUNCTION refuse_change_of_others('handed_over_at', 'handed_over_by')
"""
HANDED_OVER_ONCE = """
CREATE TRIGGER lucky_draw_winners_once BEFORE UPDATE ON lucky_draw_winners FOR EACH ROW
WHEN (OLD.handed_over_at IS NOT NULL) EXECUTE FUNCTION refuse_change()
"""
WINNERS_STAY = """
CREATE TRIGGER lucky_draw_winners_stay BEFORE DELETE OR TRUNCATE ON lucky_draw_winners
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
"""
TRIGGERS = (
    FIXED,
    DRAWS_ARE_FIXED,
    COURSE,
    DRAWS_GO_ON,
    DRAWS_STAY,
    PRIZES,
    PRIZES_ARE_WHOLE,
    OPEN,
    *ADDED_WHILE_OPEN,
    *APPEND_ONLY,
    WINNERS_ARE_FIXED,
    HANDED_OVER_ONCE,
    WINNERS_STAY,
)
