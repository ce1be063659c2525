"""uvicorn in a thread: the main thread is kopf's."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from fastapi import FastAPI

_AT_ONCE = 64


class Server:
    """Serves `app` on every address at `port`."""

    def __init__(self, app: FastAPI, port: int) -> None:
        config = uvicorn.Config(
            app, host="0.0.0.0", port=port, log_config=None, access_log=False, lifespan="off",  # noqa: S104 - a pod's
            limit_concurrency=_AT_ONCE, server_header=False, timeout_graceful_shutdown=5,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._thread = Thread(target=self._server.run, name="http", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Answer what was asked, and listen no more."""
        self._server.should_exit = True
        self._thread.join()
