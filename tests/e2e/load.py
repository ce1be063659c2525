"""Users of the Gateway: a steady, bounded stream of requests, each on a connection of its own as they come."""

from __future__ import annotations

from collections import Counter
from threading import Event, Lock, Thread
from time import monotonic
from typing import TYPE_CHECKING, Self

import httpx

from tests.cluster.commands import wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence

_LONGEST = 600.0


class Load:
    """Runs in the block; ends by itself after ten minutes."""

    def __init__(
        self, gateway: str, host: str, *, per_second: float, threads: int = 4, queries: Sequence[str] = ("lentil soup",)
    ) -> None:
        self.answers: Counter[int] = Counter()
        self.versions: Counter[str] = Counter()
        self.failures: list[str] = []
        self._url = f"{gateway}/recommend"
        self._host = host
        self._queries = queries
        self._pause = threads / per_second
        self._stopping = Event()
        self._lock = Lock()
        self._threads = [
            Thread(target=self._ask, args=(number / per_second, number), daemon=True) for number in range(threads)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, more: int, seconds: float = 60.0) -> None:
        """Wait until so many more were answered."""
        wanted = self.answers.total() + more
        wait_until(lambda: self.answers.total() >= wanted, f"{more} answers", seconds=seconds)

    def _ask(self, offset: float, number: int) -> None:
        end = monotonic() + _LONGEST
        due = monotonic() + offset
        count = 0
        with httpx.Client(headers={"host": self._host}, timeout=30) as client:
            while monotonic() < end and not self._stopping.wait(max(0.0, due - monotonic())):
                due = max(due, monotonic() - self._pause) + self._pause
                count += 1
                body = {"query": self._queries[count % len(self._queries)], "k": 3, "user_id": f"user-{number}-{count}"}
                try:
                    answer = client.post(self._url, json=body)
                    status, version, text = answer.status_code, answer.headers.get("x-model-version", ""), answer.text
                except httpx.TransportError as fault:
                    status, version, text = 0, "", repr(fault)
                with self._lock:
                    self.answers[status] += 1
                    self.versions[version] += 1
                    if status != 200:
                        self.failures.append(f"{status} {text[:200]}")
