"""What a join asks of PostgreSQL: figures that do not depend on the machine, and must not grow unseen."""

from domain.foundation.ids import new_id
from domain.group_buys import joining
from tests.statements import count_statements

JOIN_STATEMENTS = 13


async def test_a_join_costs_thirteen_statements(given):
    group = await given.group()
    (item,) = (await given.campaign_again(group.campaign_id)).items
    shopper_id = await given.shopper()

    with count_statements(given.db) as sent:
        await joining.join(
            given.db,
            group_id=group.id,
            item_id=item.id,
            quantity=1,
            shopper_id=shopper_id,
            idempotency_key=str(new_id()),
            now=given.now,
        )

    assert len(sent) == JOIN_STATEMENTS, "\n".join(sent)
