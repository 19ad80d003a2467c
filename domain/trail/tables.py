"""Deeds of staff."""

from sqlalchemy import BigInteger, Column, Identity, Index, String, Table
from sqlalchemy.dialects.postgresql import JSONB

from domain.foundation.tables import id_column, metadata, moment

deeds = Table(
    "staff_deeds",
    metadata,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    id_column("by"),
    # the action's own name: "publish_product", "decide_after_sale"
    Column("deed", String(40), nullable=False),
    # the prefix of the subject's typed id, and the id
    Column("subject", String(20), nullable=False),
    id_column("subject_id"),
    Column("facts", JSONB, nullable=False, server_default="{}"),
    moment("done_at"),
)
Index("staff_deeds_subject_idx", deeds.c.subject_id, deeds.c.position)
Index("staff_deeds_by_idx", deeds.c.by, deeds.c.position)
Index("staff_deeds_deed_idx", deeds.c.deed, deeds.c.position)

DEEDS_ARE_APPEND_ONLY = """
CREATE TRIGGER staff_deeds_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON staff_deeds
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
"""
TRIGGERS = (DEEDS_ARE_APPEND_ONLY,)
