"""`recipes up`: one command from nothing to answers. The composition root of the laptop shell.

The registry (an MLflow server, a child process), the predictor (this process) and a first training if there was none
run side by side: a second start answers before MLflow has finished importing.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import sys
import uuid
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from threading import Thread
from time import sleep
from typing import TYPE_CHECKING

from controller.rollout_traces import open_traces
from controller.rollout_view import rollout_of
from mlops.artifact.loader import load_model
from mlops.canonical_lines import BatchedLines
from mlops.embedded.chores import Chore
from mlops.embedded.first_version import FirstVersion
from mlops.embedded.home import Home
from mlops.embedded.life import Life, Surroundings
from mlops.embedded.live_traffic import LiveTraffic
from mlops.embedded.registry_view import RegistryView
from mlops.embedded.retrain_check import HomeRetrainCheck
from mlops.embedded.training_process import TrainingProcess
from mlops.embedded.user_salt import user_salt
from mlops.errors import Conflict, MlopsError, NotFound, Permanent
from mlops.model_registry import open_registry
from mlops.monitoring.level_detector import LevelDetector
from mlops.monitoring.traffic_log import TrafficLog
from mlops.registry.server import open_server
from mlops.shown_log import NAME as SHOWN
from predictor.pauses import keep_for_good
from predictor.ports import Ports
from predictor.process import serve
from predictor.settings import Settings as PredictorSettings
from predictor.slot import Slot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from controller.spans import Span
    from mlops.canonical_lines import CanonicalLines
    from mlops.config import Settings
    from mlops.recommendation import ServedModel
    from mlops.status_page.rollout import Rollout
    from mlops.translation.translator import Translator

_READY_POLL = 0.05
# A window is a day: what was asked lately is compared some hours later.
DRIFT_SECONDS = 6 * 3600.0


class LaptopService:
    """Everything that one `recipes up` runs."""

    def __init__(
        self,
        settings: Settings,
        translator: Translator,
        say: Callable[[str], None],
        now: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._translator = translator
        self._say = say
        self._now = now
        self._training = TrainingProcess()
        self._home = Home(settings.home)
        self._registry = RegistryView()
        self._slot = Slot()
        self._traffic = TrafficLog()
        self._fault: MlopsError | None = None
        self._stopping = False

    def run(self) -> None:
        """Serve until SIGTERM or Ctrl-C.

        Raises Conflict when this home or a port is in use, and what the first training or the loading raised.
        """
        self._home.prepare()
        fresh = self._settings.mlflow_uri is None and self._home.fresh
        with ExitStack() as stack:
            stack.enter_context(_only_one(self._home))
            for name, port in (("RECIPES_PORT", self._settings.port), ("RECIPES_GRPC_PORT", self._settings.grpc_port)):
                _require_free(self._settings.host, port, name)
            stack.callback(self._translator.close)
            send, flush = open_traces("recipes")
            stack.callback(flush)
            lines = BatchedLines("mlops")
            stack.callback(lines.close)
            life = Life(self._home, self._around(send, lines))
            stack.callback(life.stop)
            stack.callback(self._stop)
            self._start_registry(stack)
            Thread(target=self._live, args=(life, fresh), name="life", daemon=True).start()
            code = serve(self._predictor_settings(), None, slot=self._slot, ports=self._ports(life))
        if self._fault is not None:
            raise self._fault
        if code != 0:
            raise Permanent("the server could not start", hint=f"see {self._home.logs}")

    def _live(self, life: Life, fresh: bool) -> None:  # noqa: FBT001 - a thread takes no keywords as plainly
        """Answer as before, or bring a first version on its way; runs beside the server."""
        try:
            resumed = life.resume()
            life.start()
            first = FirstVersion(self._home, self._settings.model, life.resources, self._training, self._say)
            if not resumed and first.needed:
                number = first.send(self._registry.wait, fresh=fresh)
                first.follow(number, lambda: self._slot.serving, lambda: self._stopping)
        except MlopsError as error:
            if not self._stopping:
                self._end_with(error)
            return
        except Exception as error:
            self._end_with(Permanent(f"{type(error).__name__} while starting", hint=f"see {self._home.logs}"))
            raise
        if self._wait_until_served():
            for line in greeting(self._settings, self._slot.current()):
                self._say(line)

    def _end_with(self, fault: MlopsError) -> None:
        self._fault = fault
        self._slot.fail(fault.message)
        os.kill(os.getpid(), signal.SIGTERM)

    def _stop(self) -> None:
        self._stopping = True
        self._training.stop()

    def _start_registry(self, stack: ExitStack) -> None:
        uri = self._settings.mlflow_uri
        if uri is not None:
            self._registry.connect(stack.enter_context(open_registry(uri, self._now)))
            return
        _require_free("127.0.0.1", self._settings.mlflow_port, "RECIPES_MLFLOW_PORT")
        server = stack.enter_context(open_server(self._home.root, self._settings.mlflow_port, os.environ))
        answers_at_once = _answers_at_once(self._home)

        def connect() -> None:
            if answers_at_once:
                self._wait_until_served()  # two cores: answers come first, MLflow's import takes ten seconds of one
            try:
                server.start(lambda _: None)
                self._home.set_running(os.getpid(), server.url)
                self._registry.connect(open_registry(server.url, self._now))
                keep_for_good()  # MLflow's modules are the most of what this process holds
            except MlopsError as error:
                self._registry.fail(error.message)

        stack.callback(self._home.clear_running)
        Thread(target=connect, name="registry", daemon=True).start()

    def _around(self, trace: Callable[[Sequence[Span]], None], lines: CanonicalLines) -> Surroundings:
        retrain = HomeRetrainCheck(self._home, self._registry, self._now)
        return Surroundings(
            model=self._settings.model,
            slot=self._slot,
            registry=self._registry.registry,
            load=lambda folder, digest: load_model(folder, translator=self._translator, expected_digest=digest),
            job_command=lambda name: [sys.executable, "-m", "mlops.embedded.job_process", str(self._home.state), name],
            measure=LiveTraffic(self._traffic).measure,
            new_data=lambda: retrain.check(self._settings.model).retrain,
            clock=self._now,
            new_uid=lambda: str(uuid.uuid4()),
            trace=trace,
            lines=lines,
            chores=(
                Chore("feedback", self._home.feedback, self._load_feedback, self._home.logs / "feedback.log"),
                Chore(
                    "drift",
                    self._home.feedback / SHOWN,
                    lambda _: [sys.executable, "-m", "mlops.cli.main", "retrain", "drift"],
                    self._home.logs / "drift.log",
                    seconds=DRIFT_SECONDS,
                ),
            ),
        )

    def _load_feedback(self, first: bool) -> list[str]:  # noqa: FBT001 - its port's
        """Into the database: all of it once, from then on the files of yesterday and today."""
        since = "" if first else f"{self._now() - timedelta(days=1):%Y%m%d}"
        return [sys.executable, "-m", "mlops.cli.main", "feedback", "load", "--since", since]

    def _ports(self, life: Life) -> Ports:
        return Ports(
            models=self._registry,
            rollout=lambda model: self._rollout(life, model),
            retraining=HomeRetrainCheck(self._home, self._registry, self._now),
            probes={"registry": self._registry.probe},
            traffic=self._traffic,
            heard=life.queries.heard,
            trained_at=self._trained_at,
            detector=LevelDetector,
        )

    def _rollout(self, life: Life, name: str) -> Rollout:
        """Where the versions are. Raises NotFound before anything was applied, and for another model."""
        model = life.resources.model()
        if model is None or model.name != name:
            raise NotFound(f"nothing of {name[:128]!r} was applied here", hint="recipes apply")
        return rollout_of(model, life.resources.versions())

    def _trained_at(self) -> float | None:
        """When the version in production was registered, in Unix seconds. Raises Transient without a registry."""
        production = self._registry.production(self._settings.model)
        return None if production is None else production.created_at.timestamp()

    def _predictor_settings(self) -> PredictorSettings:
        return PredictorSettings(
            artifact=self._home.root,
            model_name=self._settings.model,
            host=self._settings.host,
            http_port=self._settings.port,
            grpc_port=self._settings.grpc_port,
            api_token=self._settings.api_token,
            user_salt=user_salt(self._home),
            feedback_folder=self._home.feedback,
            metrics_folder=self._home.metrics,
            alert_p95_ms=self._settings.alert_p95_ms,
            alert_error_rate=self._settings.alert_error_rate,
            alert_stale_days=self._settings.alert_stale_days,
            alert_webhook=self._settings.alert_webhook,
            log_folder=self._home.logs,
            log_level=self._settings.log_level,
        )

    def _wait_until_served(self) -> bool:
        """Wait until something answers; false when it will not come to that."""
        while not self._slot.serving and self._fault is None and not self._stopping:
            sleep(_READY_POLL)
        return self._slot.serving


def serve_home(
    settings: Settings, translator: Translator, say: Callable[[str], None], now: Callable[[], datetime]
) -> None:
    """Run the laptop service of the home in `settings` until it is stopped."""
    LaptopService(settings, translator, say, now).run()


def greeting(settings: Settings, served: ServedModel) -> tuple[str, ...]:
    """The lines that tell a newcomer where to go and what to try."""
    url = f"http://{settings.host}:{settings.port}"
    registry = settings.mlflow_uri or f"http://127.0.0.1:{settings.mlflow_port}"
    curl = f"curl -s {url}/recommend -H 'content-type: application/json' -d"
    return (
        "",
        f"Serving {served.name} {served.version} with {served.recipes} recipes.",
        f"  API      {url}   (GET /health, /metrics, /models, /openapi.json)",
        f"  MLflow   {registry}",
        "Try:",
        f"""  {curl} '{{"query": "quick vegan dinner with chickpeas", "k": 3}}'""",
        f"""  {curl} '{{"query": "postre de chocolate sin huevo", "k": 3}}'""",
        f"  curl -s {url}/models/{served.name}/production",
    )


def _answers_at_once(home: Home) -> bool:
    """Whether something was in production when this home was used last."""
    try:
        home.production()
    except NotFound:
        return False
    return True


@contextmanager
def _only_one(home: Home) -> Iterator[None]:
    """Hold the home's lock; the kernel gives it back however this process ends."""
    with home.lock.open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict(
                f"{home.root} is served by another process", hint="stop that one, or name another RECIPES_HOME"
            ) from error
        yield


def _require_free(host: str, port: int, setting: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Conflict(
                f"port {port} is not free: {error.strerror}", hint=f"stop what listens there, or set {setting}"
            ) from error
