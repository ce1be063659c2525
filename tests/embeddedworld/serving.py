"""The predictor's own application on a real port, in a thread: everything of a request is real but KServe's routes."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from time import sleep
from typing import TYPE_CHECKING

import uvicorn
from prometheus_client import CollectorRegistry
from starlette.responses import PlainTextResponse

from mlops.registry.server import free_port
from predictor.service import assemble
from predictor.settings import Settings
from predictor.surroundings import Surroundings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from predictor.ports import Ports
    from predictor.slot import Slot


@contextmanager
def serving(slot: Slot, ports: Ports, clock: Callable[[], float], port: int | None = None) -> Iterator[str]:
    """Serve from `slot`, on a free port where none is named; yields the address. `clock` returns Unix seconds."""
    ids, timer = itertools.count(), asyncio.new_event_loop()
    surroundings = Surroundings(
        clock=clock,
        timer=timer.time,
        new_id=lambda: f"id-{next(ids)}",
        user_salt=b"salt",
        registry=CollectorRegistry(),
    )
    # Users here ask the same few questions: what is told of a model must be seen in every answer.
    settings = Settings(artifact=Path("unused"), workers=8, remember_megabytes=0)
    service = assemble(settings, slot, ports, surroundings)
    port = port or free_port()
    application = service.front_door(PlainTextResponse("no KServe here", 404))
    server = uvicorn.Server(uvicorn.Config(application, port=port, log_level="error", access_log=False, lifespan="off"))
    thread = Thread(target=server.run, name="uvicorn", daemon=True)
    thread.start()
    while not server.started:
        sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
        service.close()
        timer.close()
