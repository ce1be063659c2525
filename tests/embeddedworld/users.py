"""People who ask over HTTP, steadily, each always under the same name; and what they got."""

from __future__ import annotations

import json
from collections import Counter
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from itertools import count
from threading import Event, Lock, Thread
from time import monotonic

USERS = 400


class Users:
    """Asks `per_second` questions a second while `asking`; the answers are counted by version and status.

    `host` is the name that is asked for at a gateway. An answer that no version gave is a lost one there, once users
    were led to any.
    """

    def __init__(self, url: str, per_second: float, threads: int = 8, host: str | None = None) -> None:
        self._address = url.removeprefix("http://")
        self._headers = {"content-type": "application/json"} | ({"host": host} if host else {})
        self._behind_a_gateway = host is not None
        self.asking = True
        self.answered: Counter[str] = Counter()
        self.failed: Counter[tuple[str, int]] = Counter()
        self.lost: list[str] = []
        self.latencies: list[tuple[float, float]] = []
        self._of = threads
        self.ask(per_second)
        self._numbers = count()
        self._lock = Lock()
        self._stopping = Event()
        # Steadily, not all threads at one moment: what is timed is an answer, not a queue that we make ourselves.
        self._threads = [
            Thread(target=self._ask, args=(number / per_second,), daemon=True) for number in range(threads)
        ]

    def ask(self, per_second: float) -> None:
        """From now on so many questions a second."""
        self._pause = self._of / per_second

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, offset: float) -> None:
        # Not httpx: it takes as much processor time as the answer, and six worlds share two cores.
        connection = HTTPConnection(self._address, timeout=30)
        due = monotonic() + offset
        while not self._stopping.wait(max(0.0, due - monotonic())):
            due = max(due, monotonic() - self._pause) + self._pause
            if self.asking:
                self._ask_once(connection)
            else:
                connection.close()  # an idle one would be closed by the server at some moment
        connection.close()

    def _ask_once(self, connection: HTTPConnection) -> None:
        body = json.dumps({"query": "soup", "k": 1, "user_id": f"user-{next(self._numbers) % USERS}"})
        began = monotonic()
        try:
            connection.request("POST", "/recommend", body, self._headers)
            answer = connection.getresponse()
            answer.read()
        except (OSError, HTTPException) as error:
            connection.close()
            with self._lock:
                self.lost.append(f"{type(error).__name__}: {error}")
            return
        version = answer.headers.get("x-model-version", "")
        with self._lock:
            self.latencies.append((began, monotonic() - began))
            if answer.status == HTTPStatus.OK:
                self.answered[version] += 1
            elif self._behind_a_gateway and not version:
                if self.answered:
                    self.lost.append(f"{answer.status} from the gateway")
            else:
                self.failed[version, answer.status] += 1
