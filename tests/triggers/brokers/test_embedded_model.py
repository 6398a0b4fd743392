"""The embedded log against a model that a child could check: lists, in memory."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from triggers.brokers import Consumer, EmbeddedBroker, Message, Outgoing

SUBSCRIPTIONS = ("monitor", "audit")
SLOTS = st.sampled_from([(name, number) for name in SUBSCRIPTIONS for number in (0, 1)])


class Frozen:
    def now(self) -> int:
        return 1


class LogMachine(RuleBasedStateMachine):
    """Two subscriptions of one topic, two consumers each; brokers close, crash and are pruned in between."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = TemporaryDirectory()
        self.published = 0
        self.acked: dict[str, set[int]] = {name: set() for name in SUBSCRIPTIONS}
        self.redeliveries: dict[str, dict[int, int]] = {name: {} for name in SUBSCRIPTIONS}
        self.held: dict[tuple[str, int], dict[int, Message]] = {}
        self.consumers: dict[tuple[str, int], Consumer] = {}
        self.abandoned: list[EmbeddedBroker] = []

    @initialize()
    def start(self) -> None:
        self.open()
        self.publish_some(12)

    def open(self) -> None:
        path = Path(self.folder.name) / "events.db"
        self.broker = self.runner.run(EmbeddedBroker.open(path, Frozen(), owner="worker"))
        for name in SUBSCRIPTIONS:
            self.runner.run(self.broker.ensure_subscription("orders", name))

    def free(self, slot: tuple[str, int], positions: set[int]) -> None:
        for position in positions & self.held[slot].keys():
            del self.held[slot][position]
            counts = self.redeliveries[slot[0]]
            counts[position] = counts.get(position, 0) + 1

    def free_everything(self) -> None:
        for slot in list(self.consumers):
            self.free(slot, set(self.held[slot]))
        self.consumers.clear()

    def publish_some(self, count: int) -> None:
        batch = [Outgoing(str(self.published + index).encode()) for index in range(count)]
        self.runner.run(self.broker.publish("orders", batch))
        self.published += count

    @rule(count=st.integers(1, 8))
    def publish(self, count: int) -> None:
        self.publish_some(count)

    @rule(slot=SLOTS, bounds=st.lists(st.integers(1, 6), min_size=1, max_size=3))
    def receive(self, slot: tuple[str, int], bounds: list[int]) -> None:
        for bound in bounds:  # several bites, so that runs of different histories lie side by side
            self.receive_once(slot, bound)

    def receive_once(self, slot: tuple[str, int], bound: int) -> None:
        name = slot[0]
        if slot not in self.consumers:
            self.consumers[slot] = self.runner.run(self.broker.subscribe("orders", name, sharing="shared"))
            self.held[slot] = {}
        taken = set().union(*(held for other, held in self.held.items() if other[0] == name))
        expected = [at for at in range(self.published) if at not in self.acked[name] and at not in taken][:bound]
        received = self.runner.run(self.consumers[slot].receive(bound, wait=False))
        assert [message.position for message in received] == expected
        assert [message.payload for message in received] == [str(at).encode() for at in expected]
        assert [message.redeliveries for message in received] == [self.redeliveries[name].get(at, 0) for at in expected]
        self.held[slot] |= {message.position: message for message in received}

    @rule(slot=SLOTS, bound=st.integers(2, 8), data=st.data())
    def settle(self, slot: tuple[str, int], bound: int, data: st.DataObject) -> None:
        if not self.held.get(slot) or slot not in self.consumers:
            self.receive_once(slot, bound)
        if not self.held[slot]:
            return
        chosen = data.draw(st.sets(st.sampled_from(sorted(self.held[slot])), min_size=1))
        messages = [self.held[slot][at] for at in chosen]
        self.runner.run(self.consumers[slot].ack(messages))
        self.acked[slot[0]] |= chosen
        for at in chosen:
            del self.held[slot][at]

    @precondition(lambda self: self.consumers)
    @rule(data=st.data())
    def close_a_consumer(self, data: st.DataObject) -> None:
        slot = data.draw(st.sampled_from(list(self.consumers)))
        self.runner.run(self.consumers.pop(slot).close())
        self.free(slot, set(self.held[slot]))

    @precondition(lambda self: any(self.held.get(slot) for slot in self.consumers))
    @rule(crash=st.booleans())
    def reopen(self, crash: bool) -> None:
        if crash:
            self.abandoned.append(self.broker)
        else:
            self.runner.run(self.broker.close())
        self.open()
        self.free_everything()

    @rule()
    def prune(self) -> None:
        self.runner.run(self.broker.prune("orders", self.published))

    @invariant()
    def backlogs_agree(self) -> None:
        for name in SUBSCRIPTIONS:
            left = self.runner.run(self.broker.backlog("orders", name))
            assert left == self.published - len(self.acked[name])

    def teardown(self) -> None:
        for broker in [*self.abandoned, self.broker]:
            self.runner.run(broker.close())
        self.runner.close()
        self.folder.cleanup()


LogMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
TestEmbeddedLog = LogMachine.TestCase
