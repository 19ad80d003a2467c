"""Lucky draws: seeds are as committed to, entries as they were made, and winners as both say; each piece is handed over once."""

from domain.audit.checks import Check, Note

SEEDS = Check(
    "seeds of draws are those that were committed to",
    "抽奖种子与承诺值一致",
    looks_at="""
        SELECT count(*) AS "draws", count(*) FILTER (WHERE state = 'drawn') AS "drawn",
               count(*) FILTER (WHERE state = 'called_off') AS "called off"
        FROM lucky_draws
    """,
    differing="""
        SELECT 'luckydraw' AS kind, id, encode(commitment, 'hex') AS expected,
               coalesce(encode(sha256(seed), 'hex'), 'no seed') AS found
        FROM lucky_draws WHERE state = 'drawn' AND sha256(seed) IS DISTINCT FROM commitment
    """,
)

# The digest goes on from entry to entry, as `domain/draws/drawing.py:digest_after` says. LIMIT: each next entry by its key.
ENTRIES = Check(
    "entries of draws are numbered without gaps and are those of the digest",
    "抽奖参与记录编号连续，且与名单摘要一致",
    looks_at="""SELECT count(*) AS "entries", count(DISTINCT shopper_id) AS "shoppers" FROM lucky_draw_entries""",
    given="""
        WITH RECURSIVE list (draw_id, number, digest) AS (
            SELECT id, 0, commitment FROM lucky_draws
            UNION ALL
            SELECT list.draw_id, next.number, sha256(list.digest || uuid_send(next.id))
            FROM list CROSS JOIN LATERAL (
                SELECT number, id FROM lucky_draw_entries AS entry
                WHERE entry.draw_id = list.draw_id AND entry.number = list.number + 1 LIMIT 1
            ) AS next
        )
    """,
    differing="""
        SELECT 'luckydraw' AS kind, coalesce(draw.id, counted.draw_id) AS id,
               format('%s entries, digest %s', entrants, encode(draw.digest, 'hex')) AS expected,
               format('%s entries, digest %s', coalesce(counted.entries, 0), coalesce(encode(list.digest, 'hex'), 'broken'))
                   AS found
        FROM lucky_draws AS draw
        FULL JOIN (SELECT draw_id, count(*) AS entries FROM lucky_draw_entries GROUP BY 1) AS counted
          ON counted.draw_id = draw.id
        LEFT JOIN list ON list.draw_id = draw.id AND list.number = entrants
        WHERE (entrants = coalesce(counted.entries, 0) AND list.digest = draw.digest) IS NOT TRUE
    """,
)

# Who should have won what: the lowest scores, and of the pieces the first prize's first.
WINNERS = Check(
    "winners of draws are those whom the seed and the entries name",
    "中奖者由种子与名单推出",
    looks_at="""SELECT count(*) AS "winners" FROM lucky_draw_winners""",
    given="""
        WITH due AS (
            SELECT scored.draw_id, rank, number, shopper_id, position AS prize
            FROM (
                SELECT draw_id, number, shopper_id,
                       row_number() OVER (PARTITION BY draw_id ORDER BY sha256(seed || digest || uuid_send(entry.id))) AS rank
                FROM lucky_draws AS draw JOIN lucky_draw_entries AS entry ON draw_id = draw.id
                WHERE state = 'drawn'
            ) AS scored
            JOIN (
                SELECT draw_id, position, pieces, sum(pieces) OVER (PARTITION BY draw_id ORDER BY position) AS last
                FROM lucky_draw_prizes
            ) AS prize ON prize.draw_id = scored.draw_id AND rank > last - pieces AND rank <= last
        )
    """,
    differing="""
        SELECT 'luckydraw' AS kind, coalesce(due.draw_id, won.draw_id) AS id,
               CASE WHEN due.rank IS NULL THEN format('nobody of rank %s', won.rank)
                    ELSE format('rank %s: entry %s, prize %s', due.rank, due.number, due.prize) END AS expected,
               CASE WHEN won.rank IS NULL THEN 'nobody'
                    ELSE format('rank %s: entry %s, prize %s%s', won.rank, won.number, won.prize,
                                CASE WHEN won.shopper_id = due.shopper_id THEN '' ELSE ', somebody else' END) END AS found
        FROM due FULL JOIN lucky_draw_winners AS won ON won.draw_id = due.draw_id AND won.rank = due.rank
        WHERE (due.number = won.number AND due.prize = won.prize AND due.shopper_id = won.shopper_id) IS NOT TRUE
    """,
)

PIECES = Check(
    "no more pieces are won than were promised, and one by a person at most",
    "中奖份数不超过公布份数，每人至多一份",
    looks_at="""
        SELECT coalesce(sum(pieces), 0) AS "pieces", (SELECT count(*) FROM lucky_draw_winners) AS "won",
               coalesce(sum(pieces * value_minor), 0) AS "¥"
        FROM lucky_draw_prizes
    """,
    differing="""
        SELECT 'luckydraw' AS kind, draw.id,
               format('%s pieces at most, one each', CASE WHEN state = 'drawn' THEN promised ELSE 0 END) AS expected,
               format('%s won by %s, %s promised%s', won, people, promised,
                      CASE WHEN is_too_many THEN ', too many of one prize' ELSE '' END) AS found
        FROM lucky_draws AS draw
        LEFT JOIN (
            SELECT draw_id, sum(won) AS won, sum(pieces) AS promised, bool_or(won > pieces) AS is_too_many
            FROM (
                SELECT prize.draw_id, prize.pieces, count(winner.id) AS won
                FROM lucky_draw_prizes AS prize
                LEFT JOIN lucky_draw_winners AS winner ON winner.draw_id = prize.draw_id AND winner.prize = position
                GROUP BY prize.draw_id, position
            ) AS of_prize GROUP BY 1
        ) AS of_draw ON of_draw.draw_id = draw.id
        LEFT JOIN (
            SELECT draw_id, count(DISTINCT shopper_id) AS people FROM lucky_draw_winners GROUP BY 1
        ) AS winners ON winners.draw_id = draw.id
        WHERE (promised = pieces AND NOT is_too_many AND won = coalesce(people, 0) AND (won = 0 OR state = 'drawn')) IS NOT TRUE
    """,
)

HANDED_OVER = Check(
    "prizes are handed over once, in time, by a deed of staff",
    "奖品核销一次，有操作记录且在期限内",
    looks_at="""
        SELECT count(*) AS "prizes won", count(handed_over_at) AS "handed over" FROM lucky_draw_winners
    """,
    differing="""
        SELECT 'prize' AS kind, winner.id,
               CASE WHEN handed_over_at IS NULL THEN 'no deed' ELSE 'one deed of its day and person, in time' END AS expected,
               format('%s deeds%s', coalesce(done.deeds, 0),
                      CASE WHEN handed_over_at >= prizes_until THEN ', too late' ELSE '' END) AS found
        FROM lucky_draw_winners AS winner
        JOIN lucky_draws AS draw ON draw.id = winner.draw_id
        LEFT JOIN (
            SELECT subject_id, count(*) AS deeds, min("by"::text) AS done_by, min(done_at) AS done_at
            FROM staff_deeds WHERE deed = 'hand_over_prize' GROUP BY 1
        ) AS done ON done.subject_id = winner.id
        WHERE (CASE WHEN handed_over_at IS NULL THEN done.deeds IS NULL
                    ELSE done.deeds = 1 AND done_by = handed_over_by::text AND done.done_at = handed_over_at
                         AND handed_over_at < prizes_until END) IS NOT TRUE
    """,
)

OVERDUE = Note(
    "draws that should have been drawn a minute ago",
    "超时一分钟仍未开奖的抽奖",
    counts="""
        SELECT count(*) AS "draws" FROM lucky_draws
        WHERE state = 'open' AND draw_by < CAST(:now AS timestamptz) - interval '1 minute'
    """,
)

CHECKS = (SEEDS, ENTRIES, WINNERS, PIECES, HANDED_OVER, OVERDUE)
