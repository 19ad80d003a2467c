"""Super users: whoever is one came by the last word of their history, and nobody else is."""

from domain.audit.checks import Check

HISTORY = Check(
    "super users are those whose last move made them so",
    "超级用户 = 最近一次变动为晋升",
    looks_at="""
        SELECT (SELECT count(*) FROM super_users) AS "super users", (SELECT count(*) FROM super_user_moves) AS "moves"
    """,
    differing="""
        SELECT 'account' AS kind, coalesce(super_users.account_id, last.account_id) AS id,
               CASE WHEN last.has_become THEN format('super user since %s', last.moved_at) ELSE 'no super user' END AS expected,
               CASE WHEN since IS NOT NULL THEN format('super user since %s', since) ELSE 'no super user' END AS found
        FROM super_users
        FULL JOIN (
            SELECT DISTINCT ON (account_id) account_id, has_become, version, moved_at FROM super_user_moves
            ORDER BY account_id, position DESC
        ) AS last ON last.account_id = super_users.account_id
        WHERE coalesce(last.has_become, false) <> (since IS NOT NULL)
           OR (last.has_become AND (last.moved_at, last.version) IS DISTINCT FROM (since, super_users.version))
    """,
)

CHECKS = (HISTORY,)
