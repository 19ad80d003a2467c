"""What a deed is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

HOUSE = UUID(int=0)
"""What a rule of the whole house is about: it has no id of its own."""


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that one of the staff did. `subject` is the prefix of the typed id of what it was done to."""

    position: int
    by: UUID
    deed: str
    subject: str
    subject_id: UUID
    facts: Mapping[str, Any]
    done_at: datetime
