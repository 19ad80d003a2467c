"""The outbox: every event that was kept has been heard, or is on its way."""

from domain.audit.checks import Check, Note

HEARD = Check(
    "no event is a dead letter",
    "没有死信事件",
    looks_at='SELECT count(*) AS "events" FROM outbox_events',
    differing="""
        SELECT format('event %s, %s of %s', position, kind, aggregate_id) AS kind, CAST(NULL AS uuid) AS id,
               'heard' AS expected, format('given up after %s tries: %s', attempts, left(last_error, 120)) AS found
        FROM outbox_events WHERE dead_at IS NOT NULL
    """,
)

WAITING = Note(
    "events on their way",
    "待投递事件",
    counts="""
        SELECT count(*) AS "waiting", count(*) FILTER (WHERE attempts > 0) AS "after a failure"
        FROM outbox_events WHERE delivered_at IS NULL AND dead_at IS NULL
    """,
)

CHECKS = (HEARD, WAITING)
