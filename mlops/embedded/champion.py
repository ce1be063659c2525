"""Keeps the served model equal to the registry's champion: a promotion is served within seconds, without a restart."""

from __future__ import annotations

from threading import Event, Thread
from typing import TYPE_CHECKING

from mlops.embedded.home import Production
from mlops.errors import MlopsError, Transient

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import structlog

    from mlops.embedded.home import Home
    from mlops.embedded.registry_view import RegistryView
    from mlops.recommendation import ServedModel
    from predictor.slot import Slot

POLL_SECONDS = 2.0


class ChampionFollower:
    """Asks the registry every few seconds and swaps what is served when the champion is another.

    `load` opens an artefact's folder and verifies it against a digest.
    """

    def __init__(
        self,
        model: str,
        slot: Slot,
        home: Home,
        registry: RegistryView,
        load: Callable[[Path, str], ServedModel],
        log: structlog.stdlib.BoundLogger,
    ) -> None:
        self._model = model
        self._slot = slot
        self._home = home
        self._registry = registry
        self._load = load
        self._log = log
        self._stopping = Event()
        self._refused: str | None = None

    def start(self) -> None:
        """Follow in a thread of its own until `stop`."""
        Thread(target=self._follow, name="champion", daemon=True).start()

    def stop(self) -> None:
        """Follow no longer."""
        self._stopping.set()

    def _follow(self) -> None:
        while not self._stopping.wait(POLL_SECONDS):
            try:
                self.step()
            except Transient as error:
                # The registry is starting or busy; what is served stays served, and /health tells of the registry.
                self._log.debug("registry not reachable", reason=error.message)

    def step(self) -> bool:
        """Compare once and swap where needed; return whether it swapped.

        A champion that cannot be loaded is refused once, with the reason in /health; the served model stays.
        """
        champion = self._registry.production(self._model)
        served = self._slot.state.served
        if champion is None or champion.digest == self._refused:
            return False
        if served is not None and served.digest == champion.digest:
            return False
        try:
            path = self._registry.registry().local_path(champion)
            loaded = self._load(path, champion.digest)
        except MlopsError as error:
            self._refused = champion.digest
            self._slot.fail(f"{champion.version}: {error.message}")
            self._log.error("champion refused", version=champion.version, reason=error.message)
            return False
        self._slot.swap(loaded)
        self._home.set_production(
            Production(model=champion.model, version=champion.version, digest=champion.digest, path=path)
        )
        self._log.info("champion served", version=champion.version, before=served.version if served else None)
        return True
