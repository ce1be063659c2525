"""Events about our resources, each written once: its name is that of what happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from controller.cluster.api import NamespaceGoes
from controller.cluster.kinds import EVENTS
from controller.resource.meta import API_VERSION, version_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from controller.actions import Notify
    from controller.cluster.api import Object
    from controller.cluster.mirror import MirroredNamespace
    from controller.cluster.world import Unreadable

BY = "recipe-recommender-controller"
REPORTER = "mlops.recipe-recommender.io/controller"
_LONGEST_NOTE = 1024

_log = structlog.stdlib.get_logger("mlops")


class Teller:
    """Writes about one model.

    A notice follows from a change, which is seen once: unlike every other act it is not asked for again, so what could
    not be written is kept.
    """

    def __init__(self, api: MirroredNamespace, model: str, clock: Callable[[], datetime]) -> None:
        self._api = api
        self._model = model
        self._clock = clock
        self._untold: list[Notify] = []

    def tell(self, notice: Notify, documents: Mapping[tuple[str, str], Object]) -> None:
        """Write it. Raises what writing raises, and then `catch_up` writes it."""
        self._untold.append(notice)
        self._write(notice, documents)
        self._untold.remove(notice)

    def catch_up(self, documents: Mapping[tuple[str, str], Object]) -> None:
        """Write what could not be written before."""
        for notice in self._untold:
            self._write(notice, documents)
        self._untold = []

    def refuse(self, found: Unreadable) -> None:
        """Write that a resource cannot be read, once for each state of it."""
        metadata = found.document["metadata"]
        name = f"{metadata['name']}.unreadable-{metadata['generation']}"
        if self._event(name, found.document, "InvalidSpec", found.problem, warning=True):
            _log.error("a resource cannot be read", name=metadata["name"], reason=found.problem)

    def _write(self, notice: Notify, documents: Mapping[tuple[str, str], Object]) -> None:
        kind, name = ("Model", self._model)
        if notice.version is not None:
            kind, name = "ModelVersion", version_name(self._model, notice.version)
        regarding = documents.get((kind, name)) or {"kind": kind, "metadata": {"name": name}}
        if self._event(notice.name, regarding, notice.reason.value, notice.message, warning=notice.warning):
            write = _log.warning if notice.warning else _log.info
            write(notice.message, model=self._model, version=notice.version, reason=notice.reason.value)

    def _event(self, name: str, regarding: Object, reason: str, note: str, *, warning: bool) -> bool:
        """Write an Event about an object; False where it was written before, or its namespace goes."""
        metadata = regarding["metadata"]
        event = {
            "apiVersion": EVENTS.api_version,
            "kind": "Event",
            "metadata": {"name": name},
            "eventTime": self._clock().strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "reportingController": REPORTER,
            "reportingInstance": BY,
            "type": "Warning" if warning else "Normal",
            "reason": reason,
            "action": "Decide",
            "note": note[:_LONGEST_NOTE],
            "regarding": {"apiVersion": API_VERSION, "kind": regarding["kind"], "name": metadata["name"],
                          "uid": metadata.get("uid", ""), "namespace": self._api.namespace},
        }  # fmt: skip
        try:
            return self._api.create(EVENTS, event) is not None
        except NamespaceGoes:  # with all Events: who waited to tell would hold it for ever
            return False
