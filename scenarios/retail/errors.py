"""What can go wrong with the retail world, by the reaction wanted.

WorldError
├── OtherWorld      the file holds another world: open it with its own settings, or use another folder
└── WorldEnded      there is no next tick: stop stepping
"""


class WorldError(Exception):
    """The retail world cannot do that."""


class OtherWorld(WorldError):
    """The file was made with other settings."""


class WorldEnded(WorldError):
    """The last tick is durable already."""
