"""A real Pulsar on this machine, for development and tests."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from forestall.devbroker import launch, state
from forestall.devbroker.distribution import Say, get_distribution
from forestall.devbroker.java import find_java
from forestall.devbroker.process import end, started_at
from forestall.devbroker.readiness import assert_client, can_write, wait_until_ready
from forestall.errors import BrokerTrouble, NotFound, UsageError

PORT, WEB_PORT = 6650, 8080
READY_S = 180.0
STOP_S = 20.0
SHOWN = 12


class DevPulsar:
    """The broker whose data, log and state lie in `home`; any process that names the same folder means the same broker.

    Without ports it takes its last ones, else Pulsar's own, else free ones; 0 leaves Pulsar's own out. `extra` are
    lines of its configuration, `token` is what a broker that asks for one is probed with.
    """

    def __init__(
        self,
        home: Path,
        port: int | None = None,
        web_port: int | None = None,
        extra: Mapping[str, str] = MappingProxyType({}),
        *,
        distribution: Path | None = None,
        token: str | None = None,
        say: Say = lambda _: None,
    ) -> None:
        self.home = home.absolute()
        self._port, self._web_port, self._extra = port, web_port, extra
        self._distribution, self._token, self._say = distribution, token, say

    @property
    def url(self) -> str:
        return self._state().url

    @property
    def web_url(self) -> str:
        return self._state().web_url

    @property
    def pid(self) -> int | None:
        """The process, while it runs, ready or not."""
        known = state.load(self.home)
        return known.pid if known is not None and known.alive else None

    @property
    def log(self) -> Path:
        return self.home / launch.LOG

    def start(self) -> bool:
        """Start it on the data that is there and return when a message could be written; False when it ran already.

        Raises:
            UsageError: a port that was asked for is taken, or the broker runs on another one.
            BrokerTrouble: Java, Maven or the client are missing, or it did not come up; the message says why.
        """
        with state.locked(self.home / state.LOCK):
            known = state.load(self.home)
            if known is not None and known.alive:
                self._assert_same(known)
                self.wait_ready()
                return False
            self._launch(known)
            try:
                self.wait_ready()
            except BaseException:
                self._end(0)
                raise
            return True

    def stop(self) -> bool:
        """SIGTERM, then SIGKILL; the data stay. False when it did not run."""
        with state.locked(self.home / state.LOCK):
            return self._end(STOP_S)

    def kill(self) -> bool:
        """SIGKILL, as an accident would. False when it did not run."""
        with state.locked(self.home / state.LOCK):
            return self._end(0)

    def wipe(self) -> None:
        """Stop it and remove its data."""
        with state.locked(self.home / state.LOCK):
            self._end(STOP_S)
            launch.wipe(self.home)

    def wait_ready(self, patience_s: float = READY_S) -> None:
        """Return when a message could be written.

        Raises:
            BrokerTrouble: none could, or the process ended.
        """
        known = self._state()
        problem = wait_until_ready(known.url, known.web_url, self._token, patience_s, lambda: known.alive)
        if problem is not None:
            lines = [f"Pulsar is not ready: {problem}; its log ends with", *self.tail(SHOWN)]
            raise BrokerTrouble("\n".join(lines), f"See {self.log}; forestall dev pulsar down --wipe begins anew.")

    def is_ready(self) -> bool:
        """Whether a message can be written now."""
        known = state.load(self.home)
        return known is not None and known.alive and can_write(known.url, known.web_url, self._token)

    def tail(self, lines: int) -> list[str]:
        """The last lines of its log, or of its console where it did not come to write a log."""
        for name in (launch.LOG, launch.CONSOLE):
            file = self.home / name
            if file.is_file() and file.stat().st_size:
                return file.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
        return []

    def _launch(self, last: state.State | None) -> None:
        port = _choose("--port", self._port, last.port if last else None, PORT)
        web_port = _choose("--web-port", self._web_port, last.web_port if last else None, WEB_PORT)
        assert_client()
        java, distribution = find_java(), get_distribution(self._distribution, self._say)
        if (self.home / launch.DATA).exists():
            launch.clear_registrations(java, distribution, self.home)
        launch.write_configuration(self.home, port, web_port, self._extra)
        if self.log.exists():
            self.log.replace(f"{self.log}.1")
        self._say(f"starting Pulsar on 127.0.0.1:{port}")
        pid = launch.spawn(launch.command_line(java, distribution, self.home), self.home)
        state.save(self.home, state.State(port, web_port, pid, started_at(pid) or ""))

    def _assert_same(self, known: state.State) -> None:
        for option, asked, has in (("--port", self._port, known.port), ("--web-port", self._web_port, known.web_port)):
            if asked not in (None, 0, has):
                step = "Leave the option out, or stop it first with forestall dev pulsar down."
                raise UsageError(f"{option}: {asked}: Pulsar runs here already, on {has}", step)

    def _end(self, patience_s: float) -> bool:
        known = state.load(self.home)
        if known is None or known.pid is None:
            return False
        ran = known.alive
        end(known.pid, known.started, patience_s)
        state.save(self.home, state.State(known.port, known.web_port))
        return ran

    def _state(self) -> state.State:
        known = state.load(self.home)
        if known is None:
            raise NotFound(f"{self.home}: no Pulsar was started here", "Start it with forestall dev pulsar up.")
        return known


def _choose(option: str, asked: int | None, last: int | None, usual: int) -> int:
    """The port that was asked for, else the last one (clients know it), else the usual one unless it was to be free."""
    if asked:
        if launch.free_port(asked) != asked:
            raise UsageError(
                f"{option}: {asked}: another process listens there", "Name another, or 0 for any free one."
            )
        return asked
    return launch.free_port(*(port for port in (last, usual if asked is None else None) if port))
