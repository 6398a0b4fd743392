"""Sharing a stream's partitions among the workers that are alive: a fair share each, by fenced leases."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from contracts import SECOND
from graphs import Services, combiner_lease, partition_lease
from ledger import Fenced, Lease, Transaction

LEASE_MICROS = 30 * SECOND
RENEW_MICROS = 5 * SECOND
"""Leases are renewed so often: the sign of life that whoever wants to leave waits for."""
LOOK_MICROS = SECOND
"""Whoever holds everything looks this often whether others have come to share it."""
_log = logging.getLogger("forestall.intake")


@dataclass(slots=True)
class _Plan:
    """What is to be done: `lost` was taken by others, `given` is for others to take."""

    lost: list[str] = field(default_factory=list)
    given: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    renew: bool = False

    @property
    def writes(self) -> bool:
        return bool(self.given or self.taken or self.renew)


class Share:
    """This worker's leases on one stream: its presence, its partitions, and the combiner's where nobody else has it.

    `lasting`: a service, which goes on when everything is read; else a worker that leaves then.
    """

    def __init__(self, services: Services, subscription: str, *, lasting: bool = True) -> None:
        self._services, self._subscription = services, subscription
        self._combiner = combiner_lease(subscription)
        self._held: dict[str, Lease] = {}
        self._looked: int | None = None
        self._asked: tuple[int, dict[str, Lease]] | None = None
        self._warned = False
        self.lasting = lasting

    @property
    def combiner(self) -> Lease | None:
        """The lease under which panes are closed, while it is ours."""
        return self._held.get(self._combiner)

    def partition(self, part: str) -> Lease | None:
        """The lease on a partition, while it is ours."""
        return self._held.get(partition_lease(self._subscription, part))

    def lose(self, name: str) -> None:
        """Somebody else has that lease."""
        self._held.pop(name, None)

    async def settle(self, parts: Sequence[str], *, look: bool = True) -> None:
        """Renew what is held, give back what is more than our share, and take what is free up to it.

        Without `look` whoever holds everything looks for others only now and then.
        """
        now, ledger = self._services.clock.now(), self._services.ledger
        names = [partition_lease(self._subscription, part) for part in parts]
        looked = not look and self._looked is not None and now - self._looked < LOOK_MICROS
        if looked and self._has_all(names) and not self._old(now):
            return
        self._looked = now
        plan = await ledger.read(lambda tx: self._plan(tx, names, now))
        if plan.writes:
            label = "lease:acquire" if plan.taken else "lease:renew"
            held = await ledger.transact(label, lambda tx: self._apply(tx, names, now))
            self._held = held
        else:
            for name in plan.lost:
                self.lose(name)
        for name in plan.lost:
            _log.warning("%s: another worker has it; standing by", name)

    async def renew(self) -> None:
        """Renew what nobody has taken since, even where it is over: a clock that leaps ends everybody's leases at once,
        and whoever looks first would take them all."""
        now = self._services.clock.now()
        if not self._held or not self._old(now):
            return
        held = self._held

        def again(tx: Transaction) -> dict[str, Lease]:
            epochs = {each.name: each.epoch for each in tx.leases.all()}
            return {
                name: tx.leases.renew(lease, now, LEASE_MICROS) if epochs.get(name) == lease.epoch else lease
                for name, lease in held.items()
            }

        self._held = await self._services.ledger.transact("lease:renew", again)

    async def heirs(self, unread: Mapping[str, str]) -> dict[str, str] | None:
        """Who goes on with what this worker leaves: by the keys of `unread`, whose values are names of leases.

        None where no service is beside us, and while it is not known whether one lives: who was killed has its leases
        until they run out, so what counts is that one is renewed after the first such question. Whoever does not renew
        is waited for until its leases end, which is `LEASE_MICROS` at most; what it had is free by then.
        """
        now, leases = self._services.clock.now(), await self._services.ledger.read(lambda tx: tx.leases.all())
        lasting, passing = (self._present(leases, lasting=kind) for kind in (True, False))
        if not any(each.until >= now for each in lasting.values()):
            self._asked = None
            return None
        present = passing | lasting
        if self._asked is None:
            self._asked = (now, present)
            return None
        began, before = self._asked
        stands_still = now == began  # a virtual clock: no lease would ever end
        living = {
            owner for owner, lease in present.items()
            if lease.until >= now and (stands_still or lease != before.get(owner))
        }  # fmt: skip
        services = sorted(living & lasting.keys())
        found = {each.name: each for each in leases if each.until >= now}
        owners = {key: found[name].owner if name in found else "" for key, name in unread.items()}
        unheard = {owner for owner in owners.values() if owner not in living | {self._services.owner}}
        if not services or (unheard and not stands_still and now <= began + LEASE_MICROS):
            self._warn({each.owner for each in present.values() if each.until >= now} - living, now - began)
            return None
        return {key: owner if owner in living else " or ".join(services) for key, owner in owners.items()}

    def _warn(self, silent: set[str], waited: int) -> None:
        """Say once whom we wait for, where that takes longer than it does beside a living service."""
        if silent and waited > 2 * RENEW_MICROS and not self._warned:
            self._warned = True
            _log.warning(
                "%s: no sign of life from %s; what it had is read here once its leases have ended, within %d s",
                self._subscription, " and ".join(sorted(silent)), (LEASE_MICROS - 2 * RENEW_MICROS) // SECOND,
            )  # fmt: skip

    async def release(self) -> None:
        """Give everything back, so that whoever comes next need not wait."""
        held, self._held, self._looked = list(self._held.values()), {}, None

        def give(tx: Transaction) -> None:
            for lease in held:
                tx.leases.release(lease)

        if held:
            await self._services.ledger.transact("lease:release", give)

    def _presence(self, *, lasting: bool) -> str:
        return f"{'worker' if lasting else 'passing'}:{self._subscription}#"

    def _present(self, leases: Sequence[Lease], *, lasting: bool) -> dict[str, Lease]:
        """The others' presence by owner, also what is over."""
        prefix, mine = self._presence(lasting=lasting), self._services.owner
        return {each.owner: each for each in leases if each.name.startswith(prefix) and each.owner != mine}

    def _has_all(self, names: Sequence[str]) -> bool:
        return self._combiner in self._held and all(name in self._held for name in names)

    def _old(self, now: int) -> bool:
        return not self._held or any(now >= each.until - LEASE_MICROS + RENEW_MICROS for each in self._held.values())

    def _plan(self, tx: Transaction, names: Sequence[str], now: int) -> _Plan:
        owner, found = self._services.owner, {each.name: each for each in tx.leases.all()}
        lost = [name for name, lease in self._held.items() if found[name].epoch != lease.epoch]
        mine = [name for name in names if name in self._held and name not in lost]
        foreign = [
            name for name in names
            if name in found and found[name].owner != owner and found[name].until >= now and name not in mine
        ]  # fmt: skip
        holders = Counter(found[name].owner for name in foreign) + Counter({owner: len(mine)})
        quota = _quota(owner, self._alive(list(found.values()), now), holders, len(names))
        free = [name for name in names if name not in mine and name not in foreign]
        plan = _Plan(lost, mine[quota:], free[: max(0, quota - len(mine))], self._old(now))
        if self._combiner not in self._held or self._combiner in lost:
            other = found.get(self._combiner)
            if other is None or other.owner == owner or other.until < now:
                plan.taken = [*plan.taken, self._combiner]
        return plan

    def _alive(self, leases: Sequence[Lease], now: int) -> set[str]:
        prefixes = (self._presence(lasting=True), self._presence(lasting=False))
        present = {each.owner for each in leases if each.name.startswith(prefixes) and each.until >= now}
        return present | {self._services.owner}

    def _apply(self, tx: Transaction, names: Sequence[str], now: int) -> dict[str, Lease]:
        plan, owner = self._plan(tx, names, now), self._services.owner
        kept = {name: lease for name, lease in self._held.items() if name not in (*plan.lost, *plan.given)}
        for name in plan.given:
            tx.leases.release(self._held[name])
        for name, lease in kept.items():
            kept[name] = tx.leases.renew(lease, now, LEASE_MICROS)
        presence = self._presence(lasting=self.lasting) + owner
        for name in [*plan.taken, *([] if presence in kept else [presence])]:
            lease_or_none = tx.leases.acquire(name, owner, now, LEASE_MICROS)
            if lease_or_none is None:
                raise Fenced(f"lease {name}: taken by somebody else")
            kept[name] = lease_or_none
        return kept


def _quota(owner: str, alive: set[str], holders: Counter[str], partitions: int) -> int:
    """How many partitions are ours: as many as anybody's, and one of the rest by who holds more, then by name."""
    share, rest = divmod(partitions, len(alive))
    order = sorted(alive, key=lambda name: (-holders[name], name))
    return share + (order.index(owner) < rest)
