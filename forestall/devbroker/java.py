"""Java and Maven on this machine, and whether they are new enough."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from forestall.errors import BrokerTrouble

JAVA_MIN = 17
MAVEN_MIN = (3, 2, 5)
ADVICE = f"Install a JDK {JAVA_MIN} or newer (Debian, Ubuntu: apt install openjdk-17-jdk-headless), or set JAVA_HOME."
MAVEN_ADVICE = (
    "Install Maven (Debian, Ubuntu: apt install maven), or unpack Pulsar yourself and set FORESTALL_PULSAR_DIST."
)


def find_java() -> str:
    """The `java` of JAVA_HOME, else of the path.

    Raises:
        BrokerTrouble: there is none, it does not run, or it is too old.
    """
    home = os.environ.get("JAVA_HOME")
    found = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    where = f"JAVA_HOME: {home!r}: " if home else ""
    if found is None or not os.access(found, os.X_OK):
        raise BrokerTrouble(f"{where}no java here; Pulsar needs version {JAVA_MIN} or newer", ADVICE)
    told = _told([found, "-version"])
    version = re.search(r'version "(?:1\.)?(\d+)', told)
    if version is None:
        raise BrokerTrouble(f"{found}: does not tell its version: {told.strip()[:200]!r}", ADVICE)
    if int(version[1]) < JAVA_MIN:
        raise BrokerTrouble(f"{found}: is version {version[1]}; Pulsar needs {JAVA_MIN} or newer", ADVICE)
    return found


def find_maven() -> str:
    """The `mvn` of the path.

    Raises:
        BrokerTrouble: there is none, or it is too old.
    """
    found = shutil.which("mvn")
    if found is None:
        raise BrokerTrouble("no mvn here; Pulsar is fetched with Maven", MAVEN_ADVICE)
    version = re.search(r"Maven (\d+)\.(\d+)\.(\d+)", _told([found, "-version"]))
    if version is not None and tuple(map(int, version.groups())) < MAVEN_MIN:
        need = ".".join(map(str, MAVEN_MIN))
        raise BrokerTrouble(
            f"{found}: is version {'.'.join(version.groups())}; {need} or newer is needed", MAVEN_ADVICE
        )
    return found


def _told(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return done.stdout + done.stderr
