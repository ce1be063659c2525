"""Somebody who applies all manifests again and again, as a GitOps tool does."""

from __future__ import annotations

from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from tests.e2e.kube import Kube

_EVERY_SECONDS = 5.0


class GitOps:
    """Applies in the block; `applied` counts, `conflicts` are what it was refused."""

    def __init__(self, kube: Kube, *manifests: dict[str, Any]) -> None:
        self._kube = kube
        self._manifests = manifests
        self._stopping = Event()
        self._thread = Thread(target=self._apply, daemon=True)
        self.applied = 0
        self.faults: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _apply(self) -> None:
        while not self._stopping.wait(_EVERY_SECONDS):
            try:
                self._kube.apply(*self._manifests)
                self.applied += 1
            except Exception as fault:  # noqa: BLE001 - the test reads them
                self.faults.append(str(fault))
