"""A laptop shell in a process of its own that kills itself, by SIGKILL, once before and once after each kind of act.

Where it died already is kept in a file, so that started again and again it comes to the end of its life.
"""

from __future__ import annotations

import os
import signal
import sys
import uuid
from datetime import UTC, datetime
from threading import Event
from typing import TYPE_CHECKING

from controller.actions import Measure, Notify, SetTraffic
from mlops.embedded.home import Home
from mlops.embedded.life import Life, Surroundings
from mlops.embedded.live_traffic import LiveTraffic
from mlops.logging_config import LogConfig, configure_logging
from mlops.model_registry import open_registry
from predictor.ports import Ports
from predictor.slot import Slot
from tests.embeddedworld.artefacts import MODEL
from tests.embeddedworld.behaving import BehavedLog, Behaviours, opening
from tests.embeddedworld.serving import serving

if TYPE_CHECKING:
    from pathlib import Path

    from controller.actions import Action
    from controller.decide import Decision
    from controller.loop import Shell
    from controller.observation import Observation

DEATHS = "deaths.txt"


class Mortal:
    """A shell that dies where it has not died yet."""

    def __init__(self, shell: Shell, deaths: Path) -> None:
        self._shell = shell
        self._deaths = deaths
        self._died = set(deaths.read_text().splitlines()) if deaths.exists() else set()

    def observe(self) -> Observation:
        return self._shell.observe()

    def perform(self, action: Action) -> None:
        self._die(f"before {_act(action)}")
        self._shell.perform(action)
        self._die(f"after {_act(action)}")

    def save(self, observation: Observation, decision: Decision, at: datetime) -> None:
        stages = " ".join(f"{number}:{status.stage}" for number, status in sorted(decision.statuses.items()))
        self._die(f"before saving {stages}")
        self._shell.save(observation, decision, at)
        self._die(f"after saving {stages}")

    def _die(self, where: str) -> None:
        if where in self._died:
            return
        with self._deaths.open("a") as deaths:
            deaths.write(f"{where}\n")
            deaths.flush()
            os.fsync(deaths.fileno())
        os.kill(os.getpid(), signal.SIGKILL)


def _act(action: Action) -> str:
    match action:
        case Measure() | Notify():  # a new name each time
            return type(action).__name__
        case SetTraffic():
            return f"SetTraffic {action.weights}"
        case _:
            return f"{type(action).__name__} {getattr(action, 'name', '') or getattr(action, 'version', '')}"


def main(root: Path, registry: str, port: int) -> None:
    configure_logging(LogConfig(level="ERROR"))
    stopped = Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    home, slot = Home(root), Slot()
    home.prepare()
    behaviours = Behaviours(home.root)
    traffic = BehavedLog(behaviours)
    connected = open_registry(registry, now)
    life = Life(
        home,
        Surroundings(
            model=MODEL,
            slot=slot,
            registry=lambda: connected,
            load=opening(behaviours, slot),
            job_command=lambda name: [sys.executable, "-m", "tests.embeddedworld.scripted_job", str(home.state), name],
            measure=LiveTraffic(traffic).measure,
            new_data=lambda: False,
            clock=now,
            new_uid=lambda: str(uuid.uuid4()),
        ),
        lambda shell: Mortal(shell, home.root / DEATHS),
    )
    life.resume()
    with serving(slot, Ports(traffic=traffic, heard=life.queries.heard), lambda: now().timestamp(), port):
        life.start()
        stopped.wait()
    life.stop()


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - a composition root
