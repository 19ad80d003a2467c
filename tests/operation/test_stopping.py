"""What a process leaves behind when it ends: nothing."""

import asyncio

from api.app import Api


async def test_an_api_process_that_ends_leaves_nothing_under_way(settings, given):
    room, before = await given.live_room(), asyncio.all_tasks()
    api = Api(settings)

    async with api.started():
        assert await api._services.room_watch.open(room.id) is not None
        await api._services.likes.like(room.id, 3)

    assert asyncio.all_tasks() == before
