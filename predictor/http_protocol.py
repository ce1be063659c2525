"""uvicorn's HTTP protocol with bounds on the head of a request, for which it has none: neither of size nor of time."""

from __future__ import annotations

import asyncio
from logging import INFO
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from predictor.body import ARRIVED

if TYPE_CHECKING:
    from asyncio import Task, TimerHandle
    from collections.abc import Callable, Coroutine, Iterable, Sequence

# What arrives in one read is parsed whatever its size (256 KiB at most); more than this on top is refused.
_HEAD_BYTES = 64 * 1024
# Of an answer, and not of `100 Continue`, behind which comes no body.
_FINAL_HEAD = (b"HTTP/1.1 2", b"HTTP/1.1 3", b"HTTP/1.1 4", b"HTTP/1.1 5")


class HeadWithBody:
    """A transport on which the head of an answer waits for its body, or for the loop's next turn if none comes.

    uvicorn writes them one after the other: two calls of the kernel, and a client that is woken for the head wakes
    once more for the body.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head: bytes | None = None

    def write(self, data: bytes) -> None:
        """Send `data`, with the head that waits before it; a head itself waits."""
        if self._head is not None:
            data, self._head = self._head + data, None
        elif data.startswith(_FINAL_HEAD):
            self._head = data
            self._loop.call_soon(self._flush)
            return
        self._transport.write(data)

    def write_whole(self, data: bytes) -> None:
        """Send `data`, which is a whole answer, behind what waits."""
        self._flush()
        self._transport.write(data)

    def close(self) -> None:
        """Send what waits, and close."""
        self._flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        """Everything else is the transport's."""
        return getattr(self._transport, name)

    def _flush(self) -> None:
        if self._head is not None:
            head, self._head = self._head, None
            self._transport.write(head)


class Reply(NamedTuple):
    """An answer that is whole: its headers as they are sent, but for those of the server, and its body."""

    status: int
    headers: bytes
    body: bytes


def header_lines(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Headers as they are sent."""
    return b"".join(b"%b: %b\r\n" % header for header in headers)


class Gate(Protocol):
    """Says which requests need not become one to be answered."""

    def holds(self, target: bytes) -> bool:
        """Whether a POST to `target` may be answered as soon as it is read."""
        ...

    def answer(
        self, target: bytes, headers: Sequence[tuple[bytes, bytes]], body: bytes, send: Callable[[Reply], None]
    ) -> Coroutine[Any, Any, None] | bool:
        """Answer it by `send`, or return what will; False if it is to become a request after all.

        What is awaited sends once, raises nothing, and is cancelled if its client goes away.
        """
        ...


class _Waiting:
    """Stands where uvicorn has the request that it answers at present: what is asked behind it has to wait."""

    message_event = asyncio.Event()  # that nobody waits for

    def __init__(self, *, keep_alive: bool) -> None:
        self.keep_alive = keep_alive
        self.response_complete = False
        self.disconnected = False


class BoundedHttpProtocol(HttpToolsProtocol):
    """Closes connections whose request line and headers never end, or take longer than `head_seconds`.

    Requests that `gate` holds are answered here if it can and they came whole in one piece: no scope is made of them,
    and no application is called. All others are uvicorn's.
    """

    def __init__(self, *args: Any, head_seconds: float, gate: Gate, **options: Any) -> None:
        super().__init__(*args, **options)
        self._head_seconds = head_seconds
        self._gate = gate
        # What came of the body of a request that is held, for as long as the piece is read that it came in.
        self._held: list[bytes] | None = None
        # What the gate is still at.
        self._answering: Task[None] | None = None
        self._waiting: _Waiting | None = None
        self._access_log = self.access_log
        self._head_bytes = 0
        self._in_head = True
        self._timer: TimerHandle | None = None
        self._idle_since: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Begin to wait for the first request."""
        self._out = HeadWithBody(transport, self.loop)
        super().connection_made(self._out)  # type: ignore[arg-type] # a transport by its methods
        self._timer = self.loop.call_later(self._head_seconds, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_timer()
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
        if self._answering is not None:
            self._answering.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what belongs to a head before it is parsed and kept."""
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > _HEAD_BYTES + len(data):
                self.send_400_response("The head of the request is too large.")
                return
        super().data_received(data)
        if self._held is not None:
            self._go_on()
        if self._in_head and self._timer is None:
            self._timer = self.loop.call_later(self._head_seconds, self.transport.close)

    def on_message_begin(self) -> None:
        """Begin a head."""
        super().on_message_begin()
        self._in_head = True

    def on_headers_complete(self) -> None:
        """End a head."""
        self._in_head = False
        self._head_bytes = 0
        self._stop_timer()
        # As it is now: the level of a log may be changed at any time. uvicorn puts a line together that nobody reads.
        self.access_log = self._access_log and self.access_logger.isEnabledFor(INFO)
        if self._is_simple() and self._gate.holds(self.url):
            self._held = []
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Keep what is held."""
        if self._held is None:
            super().on_body(body)
        else:
            self._held.append(body)

    def on_message_complete(self) -> None:
        """Answer, or tell the application that it need not wait: most requests are whole before it is even called."""
        if self._held is not None:
            answered = self._gate.answer(self.url, self.headers, b"".join(self._held), self._reply)
            if answered is not False:
                self._held = None
                if answered is not True:
                    self._wait_for(answered)
                return
            self._go_on()
        self.scope.setdefault("extensions", {})[ARRIVED] = {}
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """As uvicorn has it, but with one timer a connection, where uvicorn makes and cancels one for each request."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._close_if_idle_for(self.timeout_keep_alive)

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection if nothing came since its last answer, or look again when it may be time."""
        self.timeout_keep_alive_task = None
        if self._idle_since is None:
            return
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._close_if_idle_for(left)
        else:
            self.transport.close()

    def _close_if_idle_for(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def _unset_keepalive_if_required(self) -> None:
        self._idle_since = None  # and the timer finds out

    def _is_simple(self) -> bool:
        """Whether an answer to this request can be written as soon as it is known."""
        return (
            self.parser.get_method() == b"POST"
            and self.parser.get_http_version() == "1.1"
            and not self.parser.should_upgrade()
            and not self.expect_100_continue
            and not self.access_log
            and not self.flow.write_paused
            and (self.cycle is None or self.cycle.response_complete)
        )

    def _wait_for(self, answer: Coroutine[Any, Any, None]) -> None:
        self._waiting = _Waiting(keep_alive=self.parser.should_keep_alive())
        self.cycle = self._waiting  # type: ignore[assignment] # all of it that is used meanwhile
        self._answering = self.loop.create_task(answer)
        # As uvicorn's: who stops the server waits for these.
        self.tasks.add(self._answering)
        self._answering.add_done_callback(self._answered)

    def _answered(self, task: Task[None]) -> None:
        """Hang up where nothing was sent."""
        self.tasks.discard(task)
        if self._answering is not task:  # the next one is under way
            return
        self._answering = None
        if not task.cancelled() and task.exception() is not None:
            self.logger.error("A gate failed.", exc_info=task.exception())
        if self._waiting is not None:
            self.transport.close()

    def _reply(self, answer: Reply) -> None:
        if self._waiting is None:
            stays = self.parser.should_keep_alive()
        else:
            stays = self._waiting.keep_alive
            self._waiting.response_complete = True
            self._waiting = None
        if self.transport.is_closing():
            return
        defaults = header_lines(self.server_state.default_headers)
        end = b"\r\n" if stays else b"connection: close\r\n\r\n"
        self._out.write_whole(b"".join((STATUS_LINE[answer.status], defaults, answer.headers, end, answer.body)))
        if not stays:
            self.transport.close()
        self.on_response_complete()

    def _go_on(self) -> None:
        """Have what was held be a request, unless its connection is over."""
        held, self._held = self._held or (), None
        if self.transport.is_closing():
            return
        super().on_headers_complete()
        for body in held:
            super().on_body(body)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
