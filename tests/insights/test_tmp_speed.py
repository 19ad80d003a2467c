import time, statistics
from sqlalchemy import text
from domain.insights import room_figures, leaderboards
from domain.viewers.counting import Tally
from datetime import timedelta
from tests.viewers.test_counting import Told

async def test_speed(db, gate, given, now):
    room = await given.live_room(items=20, units=10)
    async with db.engine.begin() as c:
        await c.execute(text("SET LOCAL session_replication_role='replica'"))
        await c.execute(text("SET LOCAL statement_timeout='5min'"))
        async def x(sql, **p): await c.execute(text(sql), {"room": room.id, "now": now, **p})
        await x("INSERT INTO accounts (id, display_name, created_at) SELECT gen_random_uuid(), 'n', :now FROM generate_series(1, 20000)")
        await x("CREATE TEMP TABLE people ON COMMIT DROP AS SELECT id, row_number() OVER () AS n FROM accounts")
        await x("""INSERT INTO live_room_viewers (room_id, viewer, shopper_id, first_seen_at)
          SELECT :room, replace(id::text,'-',''), id, CAST(:now AS timestamptz) + n * interval '1 second' FROM people WHERE n <= 5922""")
        await x("""INSERT INTO share_links (id, token, sharer_id, target_kind, target_id, channel, campaign, created_at)
          SELECT gen_random_uuid(), substr(md5(n::text),1,16), id, 'live_room', :room, 'friend', '', :now FROM people WHERE n <= 135""")
        await x("CREATE TEMP TABLE l ON COMMIT DROP AS SELECT id, sharer_id, row_number() OVER () AS n FROM share_links")
        await x("""INSERT INTO share_visits (id, link_id, visitor, shopper_id, outcome, opened_at, last_opened_at, counts_until, known_at)
          SELECT gen_random_uuid(), l.id, md5(p.n::text), p.id, 'counted', :now, :now, CAST(:now AS timestamptz)+interval '7 days', :now FROM people p JOIN l ON l.n = p.n % 135 + 1 WHERE p.n <= 5922""")
        # a market of 300,000 orders, 20,000 of them in the room
        await x("""INSERT INTO orders (id, shopper_id, state, goods_minor, total_minor, currency, placed_at, pay_by, paid_at, paid_with, refunded_minor)
          SELECT CAST(lpad(to_hex(s.n), 12, '0') || '70008000000000000000' AS uuid), p.id, 'paid', 1990, 1990, 'CNY', t, t, t, gen_random_uuid(), CASE WHEN s.n % 10 = 0 THEN 990 ELSE 0 END
          FROM (SELECT n, CAST(:now AS timestamptz) + n * interval '0.04 second' AS t FROM generate_series(1, 300000) n) s JOIN people p ON p.n = s.n % 5922 + 1 ORDER BY s.n""")
        await x("""INSERT INTO order_lines (order_id, position, sku_id, title, quantity, unit_price_minor, total_minor)
          SELECT o.id, k, (SELECT array_agg(s.id) FROM skus s)[1 + (random()*19)::int], 't', 1, 995, 995 FROM (SELECT id FROM orders ORDER BY id) o, generate_series(1,2) k""".replace("(SELECT array_agg(s.id) FROM skus s)[1 + (random()*19)::int]", "(CAST(:skus AS uuid[]))[1 + floor(random()*10)::int + 10 * (k - 1)]"), skus=[k.sku_ids[0] for k in room.goods])
        await x("""INSERT INTO live_room_orders (order_id, room_id, shopper_id, channel, placed_at) SELECT id, :room, shopper_id, (ARRAY['shelf','flash_sale','group_buy'])[1 + floor(random()*3)::int], placed_at FROM (SELECT *, row_number() OVER (ORDER BY id) n FROM orders) o WHERE n % 15 = 0""")
        await x("""INSERT INTO share_attributions (order_id, link_id, sharer_id, shopper_id, opened_at, placed_at) SELECT o.order_id, l.id, l.sharer_id, o.shopper_id, :now, o.placed_at FROM (SELECT *, row_number() OVER () n FROM live_room_orders) o JOIN l ON l.n = o.n % 135 + 1 WHERE l.sharer_id <> o.shopper_id""")
        await x("""INSERT INTO live_room_chapters (id, room_id, item_id, began_at, ended_at, prices_until, live_prices) SELECT gen_random_uuid(), :room, (CAST(:items AS uuid[]))[1 + n % 20], t, t + interval '4 minutes', t + interval '9 minutes', '{}' FROM (SELECT n, CAST(:now AS timestamptz) + n * interval '5 minutes' AS t FROM generate_series(0, 40) n) s""", items=[i.id for i in room.items])
        await x("""INSERT INTO live_room_samples SELECT :room, CAST(:now AS timestamptz) + n * interval '5 seconds', n % 5922, 5922, n, n, 0 FROM generate_series(1, 2880) n""")
        await x("""INSERT INTO live_room_events SELECT :room, n + 100, 'commented', '{"text": "hello hello hello", "author": "aaaaaaa"}', :now FROM generate_series(1, 30000) n""")
    async with db.engine.connect() as c:
        await c.execution_options(isolation_level="AUTOCOMMIT")
        await c.execute(text("VACUUM ANALYZE"))
    async def measure(name, f, n=40):
        took = []
        for _ in range(n):
            b = time.perf_counter(); r = await f(); took.append((time.perf_counter()-b)*1000)
        took.sort(); print(name, "p50 %.1f p95 %.1f" % (took[n//2], took[int(n*.95)]))
        return r
    r = await measure("figures", lambda: room_figures.figures(db, room.id, now=now), 25)
    from domain.insights.desk import FiguresDesk
    import asyncio
    d = FiguresDesk(db)
    async def polled():
        await d.figures(room.id, by=room.host, now=now)
    await polled()
    took = []
    for _ in range(30):
        await asyncio.sleep(0.5); b = time.perf_counter(); await polled(); took.append((time.perf_counter()-b)*1000)
    took.sort(); print("desk p50 %.1f p95 %.1f max %.1f" % (took[15], took[28], took[-1]))
    print(r.sold, r.brought, len(r.guides), r.comments)
    await measure("curve", lambda: room_figures.curve(db, room.id))
    await measure("guides", lambda: leaderboards.guides(db, starts_at=now, ends_at=now+timedelta(hours=1), first=300))
    await measure("hosts", lambda: leaderboards.hosts(db, starts_at=now, ends_at=now+timedelta(hours=4), first=300))
    tally = Tally()
    await measure("tally", lambda: tally.count(db, gate, Told(gate), now=now+timedelta(hours=1)))

    async def base():
        async with db.reading() as r: await r.value(text("SELECT count(DISTINCT n % 5000) FROM generate_series(1, 100000) n"))
    await measure("base", base)
    import os
    if os.environ.get("EXPLAIN"):
        async with db.engine.connect() as c:
            rows = (await c.execute(text("EXPLAIN (ANALYZE, BUFFERS OFF) " + room_figures._FIGURES.element.text), {"room_id": room.id, "now": now, "guides": 300})).scalars().all()
            open("/tmp/b6/P/plan.txt","w").write("\n".join(rows))
