"""How an extra is installed: said where something is asked for that came without it."""

import shlex
import sys
from importlib.util import find_spec


def install_command(extra: str) -> str:
    """A command for the interpreter that runs, whichever environment a shell is in."""
    python = shlex.quote(sys.executable)
    installer = f"{python} -m pip install" if find_spec("pip") else f"uv pip install --python {python}"
    return f"{installer} 'forestall[{extra}]'"
