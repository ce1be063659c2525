"""KServe's model server with the service in it: what a composition root builds and runs.

KServe keeps one FastAPI application per process at module level, so a process can build one server.
"""

from __future__ import annotations

import logging
import signal
import socket
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from mlops.errors import Conflict
from predictor.kserve_import import only_what_serves
from predictor.kserve_model import RecipeModel
from predictor.kserve_server import (
    ClosedRepository,
    GrpcLimits,
    Server,
    TruthfulDataPlane,
    V1ShortCut,
    without_client_faults,
)
from predictor.problems import KINDS, Problem, kserve_response
from predictor.service import assemble

with only_what_serves():
    from kserve import ModelRepository
    from kserve.model_server import app as kserve_app

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from predictor.ports import Ports
    from predictor.service import Service
    from predictor.settings import Settings
    from predictor.slot import Slot
    from predictor.surroundings import Surroundings


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictorServer:
    """A server that has not started. `service` gives access to what it measures."""

    service: Service
    settings: Settings
    kserve: Server
    model: RecipeModel

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT, let requests under way end, and return. Only from the main thread.

        Raises Conflict where a port is taken.
        """
        for name, port in (("http", self.settings.http_port), ("grpc", self.settings.grpc_port)):
            if port:
                _require_free(name, self.settings.host, port)
        # KServe leaves handlers behind that only work while it runs.
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT)}
        self.service.looking.start()
        try:
            self.kserve.start([self.model])
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
            self.service.close()


def build_server(settings: Settings, slot: Slot, ports: Ports, surroundings: Surroundings) -> PredictorServer:
    """Build the server that answers from `slot`, now empty or not; `ports` are what the process has besides."""
    service = assemble(settings, slot, ports, surroundings)
    model = RecipeModel(settings.model_name, service.recommending, slot, service.telemetry, service.new_id)
    repository = ModelRepository()
    plane, closed = TruthfulDataPlane(repository, slot), ClosedRepository(repository)
    server = Server(
        settings.host,
        front_door=service.front_door(V1ShortCut(kserve_app, plane, closed, settings.model_name)),
        gate=service.gate,
        head_seconds=settings.receive_seconds,
        grpc_limits=GrpcLimits(message_bytes=settings.max_body_bytes, calls=settings.max_requests),
        http_port=settings.http_port,
        grpc_port=settings.grpc_port,
        enable_grpc=settings.grpc_port != 0,
        workers=1,  # its worker processes are killed while they import, and count metrics apart
        enable_latency_logging=False,
        grace_period=settings.grace_seconds,
        registered_models=repository,
    )
    server.dataplane, server.model_repository_extension = plane, closed
    logging.getLogger("kserve").addFilter(without_client_faults)
    # KServe answers by a class that FastAPI has deprecated; pinned together they work, and nobody here can change it.
    warnings.filterwarnings("ignore", message="ORJSONResponse is deprecated")
    kserve_app.add_exception_handler(RequestValidationError, _unreadable)
    kserve_app.add_exception_handler(HTTPException, _refused_by_starlette)
    return PredictorServer(service=service, settings=settings, kserve=server, model=model)


async def _unreadable(_: Request, error: Exception) -> Response:
    """Answer a V2 body that does not fit. FastAPI's own answer repeats the body, and fails on a NaN in it."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class only
    faults = [f"{'.'.join(str(step)[:60] for step in fault['loc'])}: {fault['msg']}" for fault in error.errors()[:10]]
    return kserve_response(Problem(kind="invalid", detail="; ".join(faults)))


async def _refused_by_starlette(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    kind = next((kind for kind, (status, _) in KINDS.items() if status == error.status_code), "malformed")
    return kserve_response(Problem(kind=kind, detail=KINDS[kind][1], headers=error.headers or {}))


def _require_free(name: str, host: str, port: int) -> None:
    """Find out before KServe does: uvicorn would log the fact and exit."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            hint = f"stop what listens there, or choose another with --{name}-port"
            raise Conflict(f"cannot listen on {host} port {port}: {error.strerror}", hint=hint) from None
