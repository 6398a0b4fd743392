"""How the broker's process is started: its configuration, its command line, what must be cleared first."""

import os
import shutil
import socket
import subprocess
from collections.abc import Mapping
from importlib.resources import as_file, files
from pathlib import Path

from forestall.devbroker.distribution import rocksdb_jar
from forestall.errors import BrokerTrouble

LOG = "pulsar.log"
CONSOLE = "console.log"
DATA = "data"
CLEAR_MAX_S = 60
_RESOURCES = files("forestall.devbroker") / "resources"
_OPENS = (
    "java.base/java.io",
    "java.base/java.util.zip",
    "java.base/java.nio",
    "java.base/jdk.internal.misc",
    "java.base/jdk.internal.platform",
    "java.management/sun.management",
    "jdk.management/com.sun.management.internal",
)
_DRIVER = "org.apache.pulsar.metadata.bookkeeper.PulsarMetadata"


def command_line(java: str, distribution: Path, home: Path) -> list[str]:
    """Every figure in it was measured: 128 to 512 MiB of heap carry a developer's load."""
    return [
        java,
        *("-Xms128m", "-Xmx512m", "-XX:MaxDirectMemorySize=512m", "-XX:+UseSerialGC", "-Xshare:auto"),
        *(part for each in _OPENS for part in ("--add-opens", f"{each}=ALL-UNNAMED")),
        "-Djava.net.preferIPv4Stack=true",
        "-Dio.netty.tryReflectionSetAccessible=true",
        "-Dpulsar.allocator.exit_on_oom=true",
        "-Dlog4j2.is.webapp=false",
        "-Dlog4j.shutdownHookEnabled=false",
        f"-Dlog4j.configurationFile={home / 'log4j2.properties'}",
        f"-Dforestall.log={home / LOG}",
        f"-Dbookkeeper.metadata.bookie.drivers={_DRIVER}BookieDriver",
        f"-Dbookkeeper.metadata.client.drivers={_DRIVER}ClientDriver",
        *("-cp", f"{distribution / 'lib'}/*", "org.apache.pulsar.PulsarStandaloneStarter"),
        *("-c", str(home / "standalone.conf"), "-nfw", "-nss", "-a", "127.0.0.1"),
        *("--metadata-dir", str(home / DATA / "metadata"), "--bookkeeper-dir", str(home / DATA / "bookkeeper")),
    ]


def write_configuration(home: Path, port: int, web_port: int, extra: Mapping[str, str]) -> None:
    """`extra` comes last, and so wins."""
    text = (_RESOURCES / "standalone.conf.in").read_text(encoding="utf-8")
    lines = "\n".join(f"{name}={value}" for name, value in extra.items())
    for mark, value in (("@PORT@", str(port)), ("@WEB_PORT@", str(web_port)), ("@EXTRA@", lines)):
        text = text.replace(mark, value)
    (home / "standalone.conf").write_text(text, encoding="utf-8")
    (home / "log4j2.properties").write_bytes((_RESOURCES / "log4j2.properties").read_bytes())


def spawn(command: list[str], home: Path) -> int:
    """Start it in a session of its own, without our settings: they may hold secrets. Returns its process id."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FORESTALL_")}
    with (home / CONSOLE).open("wb") as console:
        process = subprocess.Popen(
            command,
            cwd=home,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    process.returncode = 0  # it outlives us: nobody waits for it here
    return process.pid


def clear_registrations(java: str, distribution: Path, home: Path) -> int:
    """Forget who was registered when the broker died; without it a third of the restarts never come up.

    Returns the number of keys removed. The broker is stopped.

    Raises:
        BrokerTrouble: its metadata cannot be opened, or this Java cannot run a source file.
    """
    metadata = home / DATA / "metadata"
    if not (metadata / "CURRENT").exists():
        return 0
    with as_file(_RESOURCES / "ClearRegistrations.java") as program:
        command = [java, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", str(rocksdb_jar(distribution))]
        done = subprocess.run(
            [*command, str(program), str(metadata)], capture_output=True, text=True, timeout=CLEAR_MAX_S, check=False
        )
    if done.returncode == 0:
        return int(done.stdout)
    if "jdk.compiler" in done.stderr:
        raise BrokerTrouble(f"{java}: is a runtime without a compiler", "Install a whole JDK, or set JAVA_HOME to one.")
    said = next((line for line in done.stderr.splitlines() if "Exception" in line), done.stderr.strip()[-300:])
    step = "Stop the process that uses it; if none does: forestall dev pulsar down --wipe"
    raise BrokerTrouble(f"{metadata}: cannot be opened: {said}", step)


def free_port(*preferred: int) -> int:
    """The first of these that nobody listens on, else any."""
    for port in (*preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise BrokerTrouble("127.0.0.1: no port is free", "Close some connections and try again.")


def wipe(home: Path) -> None:
    shutil.rmtree(home / DATA, ignore_errors=True)
