"""What the sinks accept and the world folds in at its next tick."""

import msgspec


class Divert(msgspec.Struct, frozen=True, tag_field="do", tag="divert"):
    """New orders avoid `warehouse` up to and including tick `until`."""

    warehouse: str
    until: int


class Restore(msgspec.Struct, frozen=True, tag_field="do", tag="restore"):
    """New orders may be served from `warehouse` again."""

    warehouse: str


class Move(msgspec.Struct, frozen=True, tag_field="do", tag="move"):
    """Open orders (by number) leave `warehouse` for the named ones."""

    warehouse: str
    targets: dict[int, str]


class Switch(msgspec.Struct, frozen=True, tag_field="do", tag="switch"):
    """Open orders (by number) change from `carrier` to the named ones; new orders avoid it up to tick `until`."""

    carrier: str
    targets: dict[int, str]
    until: int


class Mail(msgspec.Struct, frozen=True, tag_field="do", tag="mail"):
    """The customers of these orders (by number) were told a new promise."""

    orders: tuple[int, ...]


Action = Divert | Restore | Move | Switch | Mail

_decoder: msgspec.json.Decoder[Action] = msgspec.json.Decoder(Action)


def encode_action(action: Action) -> str:
    return msgspec.json.encode(action).decode()


def decode_action(text: str) -> Action:
    return _decoder.decode(text)
