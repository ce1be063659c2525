"""People who ask over HTTP, steadily, each always under the same name; and what they got."""

from __future__ import annotations

from collections import Counter
from itertools import count
from threading import Event, Lock, Thread
from time import monotonic

import httpx

USERS = 400


class Users:
    """Asks `per_second` questions a second while `asking`; the answers are counted by version and status."""

    def __init__(self, url: str, per_second: float, threads: int = 4) -> None:
        self.url = url
        self.asking = True
        self.answered: Counter[str] = Counter()
        self.failed: Counter[tuple[str, int]] = Counter()
        self.lost: list[str] = []
        self._pause = threads / per_second
        self._numbers = count()
        self._lock = Lock()
        self._stopping = Event()
        self._threads = [Thread(target=self._ask, daemon=True) for _ in range(threads)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        with httpx.Client(base_url=self.url, timeout=30) as client:
            due = monotonic()
            while not self._stopping.wait(max(0.0, due - monotonic())):
                due = max(due, monotonic() - self._pause) + self._pause
                if self.asking:
                    self._ask_once(client)

    def _ask_once(self, client: httpx.Client) -> None:
        user = f"user-{next(self._numbers) % USERS}"
        try:
            answer = client.post("/recommend", json={"query": "soup", "k": 1, "user_id": user})
        except httpx.TransportError as error:
            with self._lock:
                self.lost.append(f"{type(error).__name__}: {error}")
            return
        with self._lock:
            if answer.status_code == 200:
                self.answered[answer.json()["version"]] += 1
            else:
                self.failed[answer.headers.get("x-model-version", ""), answer.status_code] += 1
