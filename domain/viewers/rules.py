"""What counts as a viewer, for how long, and what is counted of a room."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from domain.foundation.errors import BadInput

PRESENT_SECONDS = 25
"""Whoever was not heard of for so long does not watch any more: five beats of a process, and a poll with its next."""
BEAT_SECONDS = 5.0
"""Between two tellings of everybody who watches by a process."""
SAMPLE_EVERY = timedelta(seconds=5)
BUYING_WITHIN = timedelta(minutes=5)
"""How long ago a shopper may have taken what they buy, to count among those who are buying."""
MOST_TAPS = 50
"""Likes of one call: a client adds up what a thumb does in some seconds."""


DEVICE_MARK = 43
"""Characters of a device's mark (`accounts.visitors`)."""


class Viewer(NamedTuple):
    """Who watches: a shopper or, where nobody is signed in, a device by its mark."""

    device: str
    shopper_id: UUID | None = None

    @property
    def key(self) -> str:
        """What the viewer is counted by, at most 43 characters: somebody with two sockets or two phones watches once."""
        return self.device if self.shopper_id is None else self.shopper_id.hex

    @property
    def mark(self) -> str:
        """What `RoomWatch.note_viewer` and `forget_viewer` know their socket by: the device, and who is signed in on it."""
        return self.device if self.shopper_id is None else f"{self.device}{self.shopper_id.hex}"

    @classmethod
    def of_mark(cls, mark: str, shopper_id: UUID | None) -> "Viewer":
        """The viewer of a mark."""
        return cls(mark[:DEVICE_MARK], shopper_id)


@dataclass(frozen=True, slots=True)
class Counters:
    """A room's figures of this moment. `peak` is the largest `viewers` that was kept, `buying` of the last five minutes."""

    viewers: int = 0
    peak: int = 0
    distinct: int = 0
    likes: int = 0
    buying: int = 0

    def as_facts(self) -> Mapping[str, int]:
        """As the live bus tells them."""
        return asdict(self)


def check_taps(taps: int) -> None:
    """Raises BadInput unless so many likes may come in one call."""
    if not 1 <= taps <= MOST_TAPS:
        raise BadInput(f"taps is {taps}; allowed: 1 to {MOST_TAPS}")
