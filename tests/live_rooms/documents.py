"""Documents of a room's page, and of what its crew does."""

_INPUTS = {
    "putOnAir": "RoomItemInput",
    "pinRoomItem": "RoomItemInput",
    "unpinRoomItem": "RoomItemInput",
    "setRoomChat": "SetRoomChatInput",
    "announceInRoom": "AnnounceInRoomInput",
}
_AFTER = """__typename ... on Room { state lastEvent isChatOpen slowSeconds onAir { id isOnAir isPinned }
  items { id isPinned } chapters { endedAt item { id } } } ... on UserError { code }"""


def crew_does(name: str) -> str:
    """The document of a mutation of the crew."""
    if name in _INPUTS:
        return f"mutation ($input: {_INPUTS[name]}!) {{ {name}(input: $input) {{ {_AFTER} }} }}"
    return f"mutation ($id: ID!) {{ {name}(id: $id) {{ {_AFTER} }} }}"


def page_of(of_item: str) -> str:
    """The document that asks this of every item of a room."""
    return f"query ($id: ID!) {{ liveRoom(id: $id) {{ items {{ {of_item} }} }} }}"
