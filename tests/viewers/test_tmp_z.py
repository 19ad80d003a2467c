import time, uuid
from sqlalchemy import text
from domain.viewers import store
from domain.insights import room_figures

async def test_z(given):
    db = given.db
    room = await given.live_room()
    async with db.transaction() as tx:
        await tx.execute(text("SET LOCAL session_replication_role = replica"))
        t=time.perf_counter()
        await tx.execute(text("INSERT INTO live_room_viewers (room_id, viewer, first_seen_at) SELECT :r, md5(i::text), now() FROM generate_series(1,200000) i"), {"r": room.id})
        print("viewers in", time.perf_counter()-t)
        await tx.execute(text("INSERT INTO live_rooms (id,title,state,starts_at,grace_seconds,created_at,created_by,live_at,ended_at) SELECT gen_random_uuid(),'x','ended',now()-interval '10 days',300,now(),gen_random_uuid(),now(),now()-interval '9 days' FROM generate_series(1,20000)"))
        # a sale of the room with 100k tickets in five minutes, and an item elsewhere
        cols = [r[0] for r in await tx.rows(text("select column_name from information_schema.columns where table_name='flash_sale_items' order by ordinal_position"))]
        print(cols)
        item, sale = uuid.uuid4(), uuid.uuid4()
        rows = await tx.rows(text("select column_name, data_type, is_nullable from information_schema.columns where table_name='flash_sale_items'"))
        vals = {"id": "CAST(:item AS uuid)", "sale_id": "CAST(:sale AS uuid)"}
        def val(n, t):
            if n in vals: return vals[n]
            return {"uuid":"gen_random_uuid()","integer":"1","bigint":"1","smallint":"1","character varying":"'x'","character":"'CNY'","boolean":"false","timestamp with time zone":"now()","numeric":"1"}.get(t,"NULL")
        names = [r[0] for r in rows if r[2]=="NO"]
        await tx.execute(text(f"INSERT INTO flash_sale_items ({','.join(names)}) SELECT {','.join(val(r[0],r[1]) for r in rows if r[2]=='NO')}"), {"item": item, "sale": sale})
        await tx.execute(text("INSERT INTO live_room_promotions (target_id, room_id, kind, started_at, started_by) SELECT :sale, :r, 'flash_sale', now(), gen_random_uuid()"), {"sale": sale, "r": room.id})
        await tx.execute(text("INSERT INTO flash_sale_tickets (id,item_id,shopper_id,request_id,quantity,state,order_id,claimed_at,decided_at) SELECT gen_random_uuid(), :item, gen_random_uuid(), 'r'||i, 1, 'reserved', gen_random_uuid(), now(), now()-interval '1 hour' * (i%2) FROM generate_series(1,100000) i"), {"item": item})
        await tx.execute(text("INSERT INTO live_room_orders (order_id, room_id, shopper_id, channel, placed_at) SELECT gen_random_uuid(), :r, gen_random_uuid(), 'shelf', now()-interval '1 second'*i FROM generate_series(1,50000) i"), {"r": room.id})
        await tx.execute(text("INSERT INTO live_room_events (room_id, number, kind, facts, happened_at) SELECT :r, 10+i, 'commented', '{}', now() FROM generate_series(1,200000) i"), {"r": room.id})
    async with db.transaction() as tx:
        await tx.execute(text("ANALYZE"))
    async def plan(label, stmt, params):
        async with db.transaction() as tx:
            rows = await tx.rows(text("EXPLAIN (ANALYZE, BUFFERS) " + stmt.text), params)
        print("=====", label)
        for r in rows: print(r[0])
    now = given.now
    from datetime import datetime, UTC
    now = datetime.now(UTC)
    from domain.viewers.rules import BUYING_WITHIN
    p = {"now": now, "since": now - BUYING_WITHIN}
    await plan("standing", store._STANDING, p)
    async with db.transaction() as tx:
        for _ in range(3):
            t=time.perf_counter(); await tx.rows(store._STANDING, p); print("standing ms", (time.perf_counter()-t)*1000)
    async with db.transaction() as tx:
        await tx.execute(text("UPDATE live_room_viewers SET first_seen_at = first_seen_at WHERE viewer < '1'"))
    async with db.transaction() as tx:
        t=time.perf_counter(); await tx.rows(store._STANDING, p); print("standing after unvacuumed updates ms", (time.perf_counter()-t)*1000)
    t=time.perf_counter(); await room_figures.figures(db, room.id, now=now); print("figures ms", (time.perf_counter()-t)*1000)
    # the index, in one run
    for label, ddl in (("with", None), ("without", "DROP INDEX flash_sale_tickets_decided_idx"), ("with", "CREATE INDEX flash_sale_tickets_decided_idx ON flash_sale_tickets (item_id, decided_at)"), ("without", "DROP INDEX flash_sale_tickets_decided_idx"), ("with", "CREATE INDEX flash_sale_tickets_decided_idx ON flash_sale_tickets (item_id, decided_at)")):
        if ddl:
            async with db.transaction() as tx: await tx.execute(text(ddl))
        t=time.perf_counter()
        for b in range(60):
            async with db.transaction() as tx:
                await tx.execute(text("SET LOCAL session_replication_role = replica"))
                await tx.execute(text("INSERT INTO flash_sale_tickets (id,item_id,shopper_id,request_id,quantity,state,order_id,claimed_at,decided_at) SELECT gen_random_uuid(), :item, gen_random_uuid(), 'q'||:b||i, 1, 'reserved', gen_random_uuid(), now(), now() FROM generate_series(1,500) i"), {"item": item, "b": str(uuid.uuid4())})
        print(label, "us a ticket", (time.perf_counter()-t)/30000*1e6)
