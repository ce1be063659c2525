"""From a command line to an exit code: serve one artefact until told to stop."""

from __future__ import annotations

import sys
from threading import Thread
from typing import TYPE_CHECKING

from pydantic import ValidationError

from mlops.errors import Conflict
from mlops.translation.opening import open_translator
from predictor.ports import Component, Ports
from predictor.process import serve
from predictor.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops.recommendation import ServedModel
    from mlops.translation.translator import Translator

_USAGE = 2


def run(arguments: Sequence[str]) -> int:
    """Return the exit code: 0 after a stop, 1 where it could not serve, 2 where the settings are wrong."""
    try:
        settings = Settings(_cli_parse_args=list(arguments))
    except ValidationError as error:
        for fault in error.errors(include_input=False, include_url=False):
            name = "-".join(str(step) for step in fault["loc"]).replace("_", "-")
            sys.stderr.write(f"--{name}: {fault['msg']}\n")
        return _USAGE
    loading = _Loading(settings)
    try:
        return serve(settings, loading.load, ports=Ports(probes={"translator": loading.translator_state}))
    finally:
        loading.close()


class _Loading:
    """Opens the artefact and the translator that it needs, in the thread that loads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._translator: Translator | None = None

    def load(self) -> ServedModel:
        """Return the model to serve.

        Raises Permanent faults that name the file or the setting.
        """
        # Imported here, by another thread than the one that imports KServe meanwhile.
        from mlops.artifact.loader import load_model  # noqa: PLC0415

        settings = self._settings
        translator = open_translator(settings.translator, target=settings.translator_target)
        self._translator = translator
        # Asked now and beside the rest: the first time it takes Apertium a quarter of a second of every core, which
        # else came at the first look at the components, amid the traffic.
        Thread(target=translator.healthy, name="translator", daemon=True).start()
        served = load_model(settings.artifact, translator=translator, expected_digest=settings.digest)
        if served.name != settings.model_name:
            raise Conflict(
                f"the artefact holds model {served.name!r}, asked to serve {settings.model_name!r}",
                hint=f"start with --model-name {served.name}, or name another artefact",
            )
        return served

    def translator_state(self) -> Component:
        """Probe the translator."""
        if self._translator is None:
            return Component(status="unknown", reason="not opened yet")
        health = self._translator.healthy()
        if health.ok:
            return Component(status="ok", reason=f"{self._translator.name} translates")
        return Component(status="degraded", reason=health.reason)

    def close(self) -> None:
        """Let go of the translator's processes."""
        if self._translator is not None:
            self._translator.close()
