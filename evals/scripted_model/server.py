"""A scripted model behind OpenAI's chat-completions wire, on loopback."""

import json
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from types import TracebackType
from typing import ClassVar, Self

from evals.scripted_model.replies import Cuts, Hangs, ModelRequest, Refuses, Reply, Says, Script, Sends
from evals.scripted_model.wire import completion, events, pieces

_MAX_BODY_BYTES = 4_000_000


class ScriptedModel:
    """`with ScriptedModel(script) as model:` serves `model.base_url`, and keeps every request in `model.requests`.

    The script is called in the request's own thread, and decides by the request alone what comes back. Leaving the
    block releases the requests that hang and closes the port.
    """

    def __init__(self, script: Script) -> None:
        self._script = script
        self._requests: list[ModelRequest] = []
        self._lock = Lock()
        self._closed = Event()
        handler = type("Handler", (_Handler,), {"model": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    @property
    def requests(self) -> tuple[ModelRequest, ...]:
        with self._lock:
            return tuple(self._requests)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def reply_to(self, request: ModelRequest) -> Reply:
        """Record the request and ask the script."""
        with self._lock:
            self._requests.append(request)
        return self._script(request)

    def wait_until_closed(self) -> None:
        """Return when the server closes."""
        self._closed.wait()


class _Handler(BaseHTTPRequestHandler):
    """HTTP/1.0: a streamed body ends where the connection does, which is how a cut looks complete."""

    model: ClassVar[ScriptedModel]

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        if not self.path.endswith("/chat/completions") or length > _MAX_BODY_BYTES:
            self._send(404, b'{"error": {"message": "POST /v1/chat/completions"}}', "application/json")
            return
        request = ModelRequest(json.loads(self.rfile.read(length)))
        try:
            self._answer(request, self.model.reply_to(request))
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _answer(self, request: ModelRequest, reply: Reply) -> None:
        match reply:
            case Says():
                if request.stream:
                    self._stream(events(request, reply))
                else:
                    self._send(200, completion(request, reply), "application/json")
            case Refuses():
                after = {} if reply.retry_after is None else {"Retry-After": reply.retry_after}
                body = json.dumps({"error": {"message": reply.message, "type": "refused", "code": None}}).encode()
                self._send(reply.status, body, "application/json", **after)
            case Hangs():
                self._stream(pieces(request, Says(reply.text), reply.after) if reply.after else ())
                self.model.wait_until_closed()
            case Cuts():
                part = b"".join(pieces(request, Says(reply.text), reply.after))
                missing = {} if reply.clean else {"Content-Length": str(len(part) + 1)}
                self._start(200, "text/event-stream", **missing)
                self.wfile.write(part)
            case Sends():
                self._send(200, reply.body, reply.content_type)

    def _stream(self, parts: Iterable[bytes]) -> None:
        self._start(200, "text/event-stream")
        for part in parts:
            self.wfile.write(part)
            self.wfile.flush()

    def _send(self, status: int, body: bytes, content_type: str, **headers: str) -> None:
        self._start(status, content_type, **{"Content-Length": str(len(body))} | headers)
        self.wfile.write(body)

    def _start(self, status: int, content_type: str, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": content_type, "Connection": "close", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing: what was asked is in `requests`."""
