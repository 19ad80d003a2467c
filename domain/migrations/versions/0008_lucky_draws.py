"""Lucky draws."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TRIGGERS = (
    """
CREATE FUNCTION refuse_change_of_others() RETURNS trigger LANGUAGE plpgsql AS
$$
BEGIN
  IF to_jsonb(NEW) - TG_ARGV IS DISTINCT FROM to_jsonb(OLD) - TG_ARGV THEN
    RAISE EXCEPTION 'this of % was published and stays as it is', TG_TABLE_NAME USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$
""",
    """
CREATE TRIGGER lucky_draws_fixed BEFORE UPDATE ON lucky_draws FOR EACH ROW EXECUTE FUNCTION refuse_change_of_others(
  'state', 'entrants', 'digest', 'seed', 'drawn_at', 'drawn_by', 'called_off_at', 'called_off_by', 'reason')
""",
    """
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
""",
    """
CREATE TRIGGER lucky_draws_course BEFORE UPDATE ON lucky_draws FOR EACH ROW EXECUTE FUNCTION refuse_course_of_draw()
""",
    """
CREATE TRIGGER lucky_draws_stay BEFORE DELETE OR TRUNCATE ON lucky_draws
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
""",
    """
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
""",
    """
CREATE TRIGGER lucky_draw_prizes_whole AFTER INSERT ON lucky_draw_prizes REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION refuse_other_prizes()
""",
    """
CREATE FUNCTION refuse_unless_draw_open() RETURNS trigger LANGUAGE plpgsql AS
$$
BEGIN
  IF EXISTS (SELECT FROM lucky_draws WHERE id IN (SELECT draw_id FROM added) AND state <> 'open') THEN
    RAISE EXCEPTION 'the lucky draw is over' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$
""",
    """
CREATE TRIGGER lucky_draw_entries_open AFTER INSERT ON lucky_draw_entries REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION refuse_unless_draw_open()
""",
    """
CREATE TRIGGER lucky_draw_winners_open AFTER INSERT ON lucky_draw_winners REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION refuse_unless_draw_open()
""",
    """
CREATE TRIGGER lucky_draw_prizes_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lucky_draw_prizes
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
""",
    """
CREATE TRIGGER lucky_draw_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lucky_draw_entries
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
""",
    """
CREATE TRIGGER lucky_draw_winners_fixed BEFORE UPDATE ON lucky_draw_winners FOR EACH ROW
WHEN (OLD.handed_over_at IS NULL) EXECUTE FUNCTION refuse_change_of_others('handed_over_at', 'handed_over_by')
""",
    """
CREATE TRIGGER lucky_draw_winners_once BEFORE UPDATE ON lucky_draw_winners FOR EACH ROW
WHEN (OLD.handed_over_at IS NOT NULL) EXECUTE FUNCTION refuse_change()
""",
    """
CREATE TRIGGER lucky_draw_winners_stay BEFORE DELETE OR TRUNCATE ON lucky_draw_winners
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
""",
)
FUNCTIONS = (
    "refuse_change_of_others",
    "refuse_course_of_draw",
    "refuse_other_prizes",
    "refuse_unless_draw_open",
)


def upgrade() -> None:
    op.create_table(
        "lucky_draws",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("room_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(length=60), nullable=False),
        sa.Column("open_to", sa.String(length=10), nullable=False),
        sa.Column("pieces", sa.SmallInteger(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_by", sa.UUID(), nullable=False),
        sa.Column("closes_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("draw_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("prizes_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("commitment", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_seed", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=10), server_default="open", nullable=False),
        sa.Column("entrants", sa.Integer(), server_default="0", nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("seed", sa.LargeBinary(), nullable=True),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("drawn_by", sa.Uuid(), nullable=True),
        sa.Column("called_off_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("called_off_by", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.String(length=200), server_default="", nullable=False),
        sa.CheckConstraint(
            "(state = 'called_off') = (called_off_at IS NOT NULL) AND (state = 'called_off') = (reason <> '')",
            name=op.f("lucky_draws_called_off_check"),
        ),
        sa.CheckConstraint(
            "(state = 'drawn') = (seed IS NOT NULL) AND (state = 'drawn') = (drawn_at IS NOT NULL) AND drawn_at >= closes_at",
            name=op.f("lucky_draws_drawn_check"),
        ),
        sa.CheckConstraint("open_to IN ('everybody', 'buyers')", name=op.f("lucky_draws_open_to_check")),
        sa.CheckConstraint(
            "opened_at < closes_at AND closes_at <= opened_at + interval '24 hours'",
            name=op.f("lucky_draws_window_check"),
        ),
        sa.CheckConstraint("state IN ('open', 'drawn', 'called_off')", name=op.f("lucky_draws_state_check")),
        sa.CheckConstraint("closes_at <= draw_by AND draw_by < prizes_until", name=op.f("lucky_draws_moments_check")),
        sa.CheckConstraint("entrants >= 0", name=op.f("lucky_draws_entrants_check")),
        sa.CheckConstraint(
            "octet_length(commitment) = 32 AND octet_length(digest) = 32", name=op.f("lucky_draws_hashes_check")
        ),
        sa.CheckConstraint("pieces BETWEEN 1 AND 1000", name=op.f("lucky_draws_pieces_check")),
        sa.CheckConstraint("seed IS NULL OR sha256(seed) = commitment", name=op.f("lucky_draws_seed_check")),
        sa.ForeignKeyConstraint(["room_id"], ["live_rooms.id"], name=op.f("lucky_draws_room_id_fkey")),
        sa.ForeignKeyConstraint(["store_id"], ["stores.id"], name=op.f("lucky_draws_store_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("lucky_draws_pkey")),
    )
    op.create_index(
        "lucky_draws_due_idx", "lucky_draws", ["draw_by"], unique=False, postgresql_where=sa.text("state = 'open'")
    )
    op.create_index("lucky_draws_room_idx", "lucky_draws", ["room_id", sa.literal_column("id DESC")], unique=False)
    op.create_table(
        "lucky_draw_entries",
        sa.Column("draw_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("shopper_id", sa.Uuid(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("number >= 1", name=op.f("lucky_draw_entries_number_check")),
        sa.ForeignKeyConstraint(["draw_id"], ["lucky_draws.id"], name=op.f("lucky_draw_entries_draw_id_fkey")),
        sa.ForeignKeyConstraint(["shopper_id"], ["accounts.id"], name=op.f("lucky_draw_entries_shopper_id_fkey")),
        sa.PrimaryKeyConstraint("draw_id", "number", name=op.f("lucky_draw_entries_pkey")),
        sa.UniqueConstraint("draw_id", "shopper_id", name=op.f("lucky_draw_entries_draw_id_shopper_id_key")),
    )
    op.create_table(
        "lucky_draw_prizes",
        sa.Column("draw_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("value_minor", sa.BigInteger(), nullable=False),
        sa.Column("pieces", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint("pieces >= 1", name=op.f("lucky_draw_prizes_pieces_check")),
        sa.CheckConstraint("position BETWEEN 1 AND 20", name=op.f("lucky_draw_prizes_position_check")),
        sa.CheckConstraint("value_minor BETWEEN 1 AND 5000000", name=op.f("lucky_draw_prizes_value_check")),
        sa.ForeignKeyConstraint(["draw_id"], ["lucky_draws.id"], name=op.f("lucky_draw_prizes_draw_id_fkey")),
        sa.PrimaryKeyConstraint("draw_id", "position", name=op.f("lucky_draw_prizes_pkey")),
    )
    op.create_table(
        "lucky_draw_winners",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("draw_id", sa.Uuid(), nullable=False),
        sa.Column("rank", sa.SmallInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("shopper_id", sa.Uuid(), nullable=False),
        sa.Column("prize", sa.SmallInteger(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(length=10), nullable=False),
        sa.Column("handed_over_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("handed_over_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(handed_over_at IS NULL) = (handed_over_by IS NULL)", name=op.f("lucky_draw_winners_handed_over_check")
        ),
        sa.CheckConstraint("rank BETWEEN 1 AND 1000", name=op.f("lucky_draw_winners_rank_check")),
        sa.ForeignKeyConstraint(
            ["draw_id", "number"],
            ["lucky_draw_entries.draw_id", "lucky_draw_entries.number"],
            name=op.f("lucky_draw_winners_draw_id_number_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["draw_id", "prize"],
            ["lucky_draw_prizes.draw_id", "lucky_draw_prizes.position"],
            name=op.f("lucky_draw_winners_draw_id_prize_fkey"),
        ),
        sa.ForeignKeyConstraint(["shopper_id"], ["accounts.id"], name=op.f("lucky_draw_winners_shopper_id_fkey")),
        sa.ForeignKeyConstraint(["store_id"], ["stores.id"], name=op.f("lucky_draw_winners_store_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("lucky_draw_winners_pkey")),
        sa.UniqueConstraint("draw_id", "number", name=op.f("lucky_draw_winners_draw_id_number_key")),
        sa.UniqueConstraint("draw_id", "rank", name=op.f("lucky_draw_winners_draw_id_rank_key")),
        sa.UniqueConstraint("draw_id", "shopper_id", name=op.f("lucky_draw_winners_draw_id_shopper_id_key")),
        sa.UniqueConstraint("store_id", "code", name=op.f("lucky_draw_winners_store_id_code_key")),
    )
    op.create_index(
        "lucky_draw_winners_shopper_idx",
        "lucky_draw_winners",
        ["shopper_id", sa.literal_column("id DESC")],
        unique=False,
    )
    for statement in TRIGGERS:
        op.execute(statement)


def downgrade() -> None:
    op.drop_index("lucky_draw_winners_shopper_idx", table_name="lucky_draw_winners")
    op.drop_table("lucky_draw_winners")
    op.drop_table("lucky_draw_prizes")
    op.drop_table("lucky_draw_entries")
    op.drop_index("lucky_draws_room_idx", table_name="lucky_draws")
    op.drop_index("lucky_draws_due_idx", table_name="lucky_draws", postgresql_where=sa.text("state = 'open'"))
    op.drop_table("lucky_draws")
    for function in FUNCTIONS:
        op.execute(f"DROP FUNCTION {function}()")
