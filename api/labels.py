"""What enum values are called on a screen, so that no client keeps a translation of its own."""

import strawberry

from api.access import Who, public, to
from api.context import Info
from api.label_words import LABELS
from domain.foundation.errors import BadInput


@strawberry.type(directives=to(Who.ANYONE), description="What a value of an enum is called.")
class EnumLabel:
    """A value and its name for people."""

    value: str = strawberry.field(description="As it stands in answers: PLACED.")
    label: str = strawberry.field(description="Chinese or English by Accept-Language: 待付款.")


@strawberry.type(directives=to(Who.ANYONE), description="What the values of an enum are called. 枚举名称")
class EnumLabels:
    """An enum and its values."""

    name: str = strawberry.field(description="The enum's name in this schema: OrderState.")
    values: list[EnumLabel] = strawberry.field(description="In the schema's order.")


@strawberry.type
class LabelQuery:
    """What to call things."""

    @strawberry.field(
        directives=public(),
        description="What the values of these enums are called on a screen; of all enums where none is named.",
    )
    def labels(self, info: Info, of: list[str] | None = None) -> list[EnumLabels]:
        """The labels, in the language asked for."""
        names = LABELS if of is None else dict.fromkeys(of)
        for name in names:
            if name not in LABELS:
                raise BadInput(f"{name[:40]!r} is not an enum with labels")
        is_english = info.context.language == "en"
        return [
            EnumLabels(
                name=name,
                values=[
                    EnumLabel(value=value, label=en if is_english else zh) for value, (zh, en) in LABELS[name].items()
                ],
            )
            for name in names
        ]
