import uuid
from datetime import timedelta
from sqlalchemy import text
from sqlalchemy.dialects import postgresql
from domain.live_rooms import reminding
from domain.draws import store as draws
from domain.streams import actions as streams
import time

async def explain(given, label, call):
    """Runs with auto_explain-like: wrap."""
    t=time.perf_counter(); await call(); print(label, round((time.perf_counter()-t)*1000,1),'ms', flush=True)

async def test_plans(given):
    db = given.db
    one = await given.live_room()
    shopper = await given.shopper()
    draw = await given.lucky_draw(one)
    from domain.draws.rules import OpenTo
    bdraw = await given.lucky_draw(one, open_to=OpenTo.BUYERS)
    async with db.transaction() as tx:
        await tx.execute(text("SET LOCAL session_replication_role = replica"))
        # 20k ended rooms, 200 cancelled with reservations
        await tx.execute(text("""INSERT INTO live_rooms (id,title,state,starts_at,grace_seconds,created_at,created_by,live_at,ended_at)
          SELECT gen_random_uuid(),'x','ended',now()-interval '10 days',300,now(),gen_random_uuid(),now(),now() FROM generate_series(1,20000)"""))
        await tx.execute(text("""INSERT INTO live_streams (room_id, began_at, lost_at) SELECT id, now()-interval '9 days', now()-interval '9 days' FROM live_rooms WHERE state='ended'"""))
        await tx.execute(text("""INSERT INTO live_room_reservations (room_id, shopper_id, reserved_at) SELECT r.id, gen_random_uuid(), now() FROM (SELECT id FROM live_rooms WHERE state='ended' LIMIT 200) r, generate_series(1,1000)"""))
        await tx.execute(text("""INSERT INTO live_room_items (id, room_id, product_id, position) SELECT gen_random_uuid(), r.id, gen_random_uuid(), 1 FROM live_rooms r WHERE state='ended'"""))
        await tx.execute(text("""INSERT INTO live_room_chapters (id, room_id, item_id, began_at, ended_at, prices_until, live_prices) SELECT gen_random_uuid(), i.room_id, i.id, now(), now(), now(), '{}' FROM live_room_items i, generate_series(1,5)"""))
        await tx.execute(text("""INSERT INTO live_room_orders (order_id, room_id, shopper_id, channel, placed_at) SELECT gen_random_uuid(), :room, gen_random_uuid(), 'shelf', now() FROM generate_series(1,50000)"""), {"room": one.id})
    o = await given.ordered()
    async with db.transaction() as tx:
        await tx.execute(text("SET LOCAL session_replication_role = replica"))
        cols = [c for c in await tx.column(text("select column_name from information_schema.columns where table_name='orders' and is_identity='NO' and is_generated='NEVER' order by ordinal_position"))]
        sel = ", ".join({"id":"gen_random_uuid()","shopper_id":"gen_random_uuid()","state":"'paid'","paid_at":"now()","source_id":"gen_random_uuid()" if False else "source_id"}.get(c,c) for c in cols)
        await tx.execute(text(f"INSERT INTO orders ({','.join(cols)}) SELECT {sel} FROM orders, generate_series(1,100000)"))
        await tx.execute(text("DELETE FROM live_room_orders"))
        await tx.execute(text("""INSERT INTO live_room_orders (order_id, room_id, shopper_id, channel, placed_at) SELECT id, :room, shopper_id, 'shelf', placed_at FROM orders LIMIT 50000"""), {"room": one.id})
    async with db.transaction() as tx:
        await tx.execute(text("ANALYZE"))
    import sqlalchemy as sa
    from domain.foundation import database
    async def plan(label, stmt, params=None):
        if not isinstance(stmt, str):
            stmt = str(stmt.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True}))
        async with db.transaction() as tx:
            rows = await tx.rows(text("EXPLAIN (ANALYZE, BUFFERS) " + stmt.replace(':','\\:').replace('\\:\\:','::') if params is None else "EXPLAIN (ANALYZE, BUFFERS) "+stmt), params or {})
        print("=====", label, flush=True)
        for r in rows: print(r[0])
    shoppers = [uuid.uuid4() for _ in range(500)]
    async with db.transaction() as tx:
        t=time.perf_counter(); await draws.standings(tx, bdraw, shoppers); print("standings buyers 500", round((time.perf_counter()-t)*1000,1),"ms")
        t=time.perf_counter(); await draws.standings(tx, draw, shoppers); print("standings all 500", round((time.perf_counter()-t)*1000,1),"ms")
    await plan("standings", draws._STANDINGS.text, {"draw_id": bdraw.id, "room_id": one.id, "for_buyers": True, "kept": draws._KEPT, "opened_by": one.host.account_id, "shopper_ids": shoppers})
    await plan("one", draws._STANDINGS.text, {"draw_id": bdraw.id, "room_id": one.id, "for_buyers": True, "kept": draws._KEPT, "opened_by": one.host.account_id, "shopper_ids": shoppers[:1]})
    await plan("chapters", """SELECT item.id, sum(coalesce(ended_at, now())-began_at) FROM live_room_items AS item LEFT JOIN live_room_chapters AS chapter ON chapter.item_id = item.id AND chapter.room_id = item.room_id
           WHERE item.room_id = :r AND (item.removed_at IS NULL OR chapter.id IS NOT NULL) GROUP BY 1""", {"r": one.id})
    async with db.transaction() as tx:
        await tx.execute(text("CREATE INDEX tmp_x ON live_room_orders (room_id, shopper_id)"))
    await plan("standings+idx", draws._STANDINGS.text, {"draw_id": bdraw.id, "room_id": one.id, "for_buyers": True, "kept": draws._KEPT, "opened_by": one.host.account_id, "shopper_ids": shoppers})
