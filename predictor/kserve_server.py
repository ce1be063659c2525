"""KServe's own server classes, put right where they are wrong for us; each says what was wrong."""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

import uvloop
from grpc import aio  # type: ignore[import-untyped] # it has no types, and no stubs are installed
from grpc_interceptor.exceptions import PermissionDenied

from predictor.body import WholeRequest
from predictor.http_protocol import BoundedHttpProtocol
from predictor.kserve_import import only_what_serves
from predictor.listening import listening

with only_what_serves():
    from kserve import ModelServer, model_server
    from kserve.errors import InvalidInput, ModelNotFound, ModelNotReady, ServerNotReady
    from kserve.protocol.dataplane import DataPlane
    from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import add_GRPCInferenceServiceServicer_to_server
    from kserve.protocol.grpc.interceptors import ExceptionToStatusInterceptor, LoggingInterceptor
    from kserve.protocol.grpc.server import GRPCServer
    from kserve.protocol.grpc.servicer import InferenceServicer
    from kserve.protocol.model_repository_extension import ModelRepositoryExtension
    from kserve.protocol.rest.server import RESTServer
    from kserve.protocol.rest.v1_endpoints import V1Endpoints

if TYPE_CHECKING:
    import logging

    from fastapi import FastAPI
    from starlette.types import ASGIApp, Receive, Scope, Send

    from predictor.http_protocol import Gate
    from predictor.kserve_model import RecipeModel
    from predictor.slot import Slot


@dataclass(frozen=True, slots=True, kw_only=True)
class GrpcLimits:
    """What the gRPC side takes: bytes of a message, calls at once."""

    message_bytes: int
    calls: int


class Server(ModelServer):  # type: ignore[misc] # KServe has no types
    """The server on the address it is told and on uvloop; KServe's start knows 0.0.0.0 and asyncio's loop only."""

    def __init__(
        self,
        host: str,
        *,
        front_door: ASGIApp,
        gate: Gate,
        head_seconds: float,
        grpc_limits: GrpcLimits,
        **options: Any,
    ) -> None:
        # KServe takes this from the parsed command line only: it is to leave logging alone.
        model_server.args.configure_logging = False
        super().__init__(**options)
        self._host = host
        self._front_door = front_door
        self._gate = gate
        self._head_seconds = head_seconds
        self._grpc_limits = grpc_limits

    def start(self, models: list[RecipeModel]) -> None:
        """Serve until a signal ends it."""
        for model in models:
            self.register_model(model)
            model.start()
        self._rest = _BehindFrontDoor(
            self._front_door,
            self.dataplane,
            self.model_repository_extension,
            self.http_port,
            grace_period=self.grace_period,
            timeout_keep_alive=self.timeout_keep_alive,
        )
        self._rest.config.host = self._host
        self._rest.config.http = partial(BoundedHttpProtocol, head_seconds=self._head_seconds, gate=self._gate)
        self._rest.config.ws = "none"
        self._rest.config.proxy_headers = False
        self.servers.append(self._rest.start())
        if self.enable_grpc:
            self._grpc_server = _BoundGRPCServer(
                self._host,
                self._grpc_limits,
                self.grpc_port,
                self.dataplane,
                self.model_repository_extension,
                kwargs={},
                grace_period=self.grace_period,
            )
            self.servers.append(self._grpc_server.start(self.max_threads))
        self.register_signal_handler()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    def stop(self, sig: int) -> None:
        """Stop; a signal may come before there is a loop, or before uvicorn looks for signals itself."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            sys.exit(0)
        self._rest.end()
        super().stop(sig)


class _BehindFrontDoor(RESTServer):  # type: ignore[misc] # KServe has no types
    """KServe's application as one behind ours.

    Without its clock, which took a tenth of each request, and without its last resort, which logs what ours answers.
    """

    async def start(self) -> None:
        """Serve until stopped."""
        self.create_application()
        await self._server.serve(sockets=listening(self.config.host, self.config.port))

    def end(self) -> None:
        """Serve no longer, or not at all."""
        self._server.should_exit = True

    def _add_middlewares(self, app: FastAPI) -> None:
        """Add none."""

    def _add_exception_handlers(self, app: FastAPI) -> None:
        super()._add_exception_handlers(app)
        del app.exception_handlers[Exception]


class V1ShortCut:
    """KServe's own V1 handler without the layers of its application, which cost as much as a small model."""

    def __init__(self, app: FastAPI, plane: TruthfulDataPlane, closed: ClosedRepository, model_name: str) -> None:
        self._app = app
        self._endpoints = V1Endpoints(plane, closed)
        self._model_name = model_name
        self._path = f"/v1/models/{model_name}:predict"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, as `app` would."""
        if scope["type"] != "http" or scope["path"] != self._path or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        request = WholeRequest(scope, receive)
        try:
            response = await self._endpoints.predict(self._model_name, request)
        except Exception as error:
            known = (self._app.exception_handlers.get(each) for each in type(error).__mro__)
            handler = next((each for each in known if each is not None), None)
            if handler is None:
                raise
            answered = handler(request, error)
            response = await answered if isawaitable(answered) else answered
        await response(scope, receive, send)


class _BoundGRPCServer(GRPCServer):  # type: ignore[misc] # KServe has no types
    """The gRPC server on one address, and on a port of its own: by default two processes may share one unnoticed."""

    def __init__(self, host: str, limits: GrpcLimits, port: int, *args: Any, **options: Any) -> None:
        super().__init__(port, *args, **options)
        self._limits = limits
        self._address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._ended = False
        self._started = asyncio.Event()

    async def start(self, max_workers: int) -> None:
        """Serve until stopped, which may have been before."""
        if self._ended:
            return
        self._server = aio.server(
            ThreadPoolExecutor(max_workers=max_workers),
            interceptors=(LoggingInterceptor(), ExceptionToStatusInterceptor()),
            options=[("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", self._limits.message_bytes)],
            maximum_concurrent_rpcs=self._limits.calls,
        )
        add_GRPCInferenceServiceServicer_to_server(
            InferenceServicer(self._data_plane, self._model_repository_extension), self._server
        )
        self._server.add_insecure_port(self._address)
        try:
            await self._server.start()
        finally:
            self._started.set()
        await self._server.wait_for_termination()

    async def stop(self, sig: int | None = None) -> None:
        """Serve no longer, or not at all."""
        self._ended = True
        if self._server is not None:
            await self._started.wait()  # stopped while it starts, gRPC ends the process by a segmentation fault
        await super().stop(sig)


class TruthfulDataPlane(DataPlane):  # type: ignore[misc] # KServe has no types
    """KServe's data plane with a truthful readiness, and with bad bodies as the client's fault."""

    def __init__(self, registry: Any, slot: Slot) -> None:
        super().__init__(registry)
        self._slot = slot

    async def ready(self) -> bool:
        """Tell whether a question would be answered; KServe's own says yes before any model is loaded."""
        return self._slot.serving

    def metadata(self) -> dict[str, Any]:
        """Describe the server, without the extension that is shut."""
        described: dict[str, Any] = super().metadata() | {"extensions": []}
        return described

    def decode(self, *args: Any, **kwargs: Any) -> Any:
        """Decode a body; KServe's decoder trips over missing members with KeyError and the like, which end as 500."""
        try:
            return super().decode(*args, **kwargs)
        except InvalidInput:
            raise
        except Exception as error:
            # Nothing but the client's bytes goes into the decoder, so whatever it trips over came from there.
            raise InvalidInput("the body cannot be decoded") from error


class ClosedRepository(ModelRepositoryExtension):  # type: ignore[misc] # KServe has no types
    """Nobody loads or unloads a model over gRPC either; `FrontDoor` shuts the same over HTTP."""

    async def load(self, model_name: str) -> None:
        """Refuse."""
        raise PermissionDenied(f"{model_name[:128]} is managed by the controller, not over this port")

    async def unload(self, model_name: str) -> None:
        """Refuse."""
        raise PermissionDenied(f"{model_name[:128]} is managed by the controller, not over this port")


def without_client_faults(record: logging.LogRecord) -> bool:
    """Drop the traceback that KServe logs as an error for each request a client got wrong; our line tells of it."""
    faults = (InvalidInput, ModelNotFound, ModelNotReady, ServerNotReady)
    return not (record.exc_info and isinstance(record.exc_info[1], faults))
