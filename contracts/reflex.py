"""The reflex lane in a pack: a rule that turns an event into a command, without an incident."""

from typing import Annotated, Any

from pydantic import Field, model_validator

from contracts.base import DAY, HOUR, MINUTE, SECOND, Contract, digest
from contracts.duration import Duration, Name
from contracts.stream import Where


class TopicTool(Contract):
    """A tool that somebody else runs: its commands are published to `topic` as `forestall.command.issued` events.

    Delivery is at least once; whoever runs it applies each `data.id` once. `arguments` is the JSON Schema of what it
    takes.
    """

    name: Name
    topic: str = Field(min_length=1, max_length=256)
    title: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class Reflex(Contract):
    """An event of a type in `of` that passes every test of `where` becomes a call of `tool`.

    `$name` in an argument stands for the event's field. `value` names the field with the value at stake, in the pack's
    currency. The same arguments are acted on once in each window of `every`, an event older than `within` not at all,
    and in an hour at most `at_most` commands are issued.
    """

    name: Name
    version: int = Field(default=1, ge=1)
    of: tuple[str, ...] = Field(min_length=1)
    where: tuple[Where, ...] = Field(default=(), max_length=32)
    tool: Name
    arguments: dict[str, Any] = Field(default_factory=dict)
    value: str | None = None
    every: Annotated[Duration, Field(ge=SECOND, le=DAY)] = 10 * MINUTE
    within: Annotated[Duration, Field(ge=SECOND, le=HOUR)] = 5 * MINUTE
    at_most: int = Field(default=100, ge=1, le=100_000)

    @model_validator(mode="after")
    def _arguments_are_plain(self) -> "Reflex":
        for name, given in self.arguments.items():
            if isinstance(given, str) and given.startswith("$") and not given[1:]:
                raise ValueError(f"arguments.{name}: '$' names no field; write $ and a field of the event")
        return self

    def template(self, tool: TopicTool | None) -> str:
        """What a person's standing approval is given for: this very rule, and the topic tool that it calls if it does.

        Whatever changes in either makes it another one, whether or not somebody raised the version.
        """
        made_of = digest([self.to_json(), tool.to_json() if tool else None])[:8]
        return f"reflex.{self.name}@{self.version}:{made_of}"

    @property
    def needed(self) -> tuple[str, ...]:
        """Fields without which no call can be made."""
        from_event = [
            given[1:] for given in self.arguments.values() if isinstance(given, str) and given.startswith("$")
        ]
        return tuple(dict.fromkeys(from_event + ([self.value] if self.value else [])))

    @property
    def fields(self) -> tuple[str, ...]:
        """Every field of an event that is looked at."""
        return tuple(dict.fromkeys([*self.needed, *(test.field for test in self.where)]))
