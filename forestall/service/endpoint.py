"""The health endpoint: `/live`, `/ready` and `/health`, read only, on loopback unless told otherwise."""

import asyncio
import contextlib
import logging
import os
import re
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from forestall.errors import UsageError
from forestall.service.report import Health

LOOPBACK = "127.0.0.1"
PORT_MAX = 65_535
_log = logging.getLogger("forestall.run")
_ADVICE = "Write it like 127.0.0.1:8090, or as a port alone."


def listen(address: str) -> socket.socket:
    """A socket at `host:port`, or at a port of loopback.

    Raises:
        UsageError: it is no address, or cannot be listened at.
    """
    found = re.fullmatch(r"(?:\[?([^\[\]]*)\]?:)?(\d{1,5})", address)
    if found is None:
        raise UsageError(f"--health: {address!r}: is no host and port", _ADVICE)
    host, port = found[1] or LOOPBACK, int(found[2])
    if port > PORT_MAX:
        raise UsageError(f"--health: {address!r}: there is no port above {PORT_MAX}", _ADVICE)
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        said = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise UsageError(f"--health: {address!r}: cannot be listened at ({said})", "Choose another.") from error


def application(health: Health) -> Starlette:
    """503 wherever somebody should look."""

    async def live(_: Request) -> Response:
        return JSONResponse({"live": True})

    async def ready(_: Request) -> Response:
        return JSONResponse({"ready": health.ready, "status": health.status}, 200 if health.ready else 503)

    async def report(_: Request) -> Response:
        found = await health.report()
        well = found["ready"] and found.get("ledger", {}).get("readable", False)
        return JSONResponse(found, 200 if well else 503)

    return Starlette(routes=[Route("/live", live), Route("/ready", ready), Route("/health", report)])


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the service's, not the endpoint's."""
        yield


@contextlib.asynccontextmanager
async def answering(health: Health, listener: socket.socket) -> AsyncIterator[None]:
    """Answer while something else runs."""
    config = uvicorn.Config(
        application(health), log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1
    )
    server = _Server(config)
    host, port = listener.getsockname()[:2]
    _log.info("health: http://%s:%d/health", f"[{host}]" if ":" in host else host, port)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await asyncio.gather(task, return_exceptions=True)
