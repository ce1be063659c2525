"""Reads a model's versions and writes their history through the port: the I/O that every transition is made of."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from mlops.errors import Conflict, NotFound
from mlops.registry.listing import Listing, arrange
from mlops.registry.record import STAGE, event_key, event_tag, read_record, shortened
from mlops.registry.values import Cause, HistoryEvent

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from mlops.registry.backend import RegistryBackend
    from mlops.registry.record import Record
    from mlops.registry.stages import Stage


class Ledger:
    """`clock` gives aware times; `ids` gives short words that do not repeat."""

    def __init__(self, backend: RegistryBackend, clock: Callable[[], datetime], ids: Callable[[], str]) -> None:
        self.backend = backend
        self.clock = clock
        self._ids = ids

    def listing(self, model: str) -> Listing:
        """All versions of `model` now; empty where it does not exist."""
        # Versions first, aliases second: whoever's promotion is seen in the history has moved the alias by then, so a
        # version that looks in production by its history and is not the champion really has been superseded.
        records = [record for record in map(read_record, self.backend.versions(model)) if record is not None]
        try:
            aliases = self.backend.aliases(model)
        except NotFound:
            aliases = {}
        return arrange(model, records, aliases)

    def event(self, source: Stage | None, target: Stage, cause: Cause, after: HistoryEvent | None) -> HistoryEvent:
        """A new event, later than `after` even where clocks of two machines disagree."""
        at = self.clock()
        if after is not None:
            at = max(at, after.at + timedelta(microseconds=1))
        return HistoryEvent(
            key=event_key(at, self._ids()),
            at=at,
            by=cause.by,
            why=shortened(cause.why),
            source=source,
            target=target,
        )

    def write(self, record: Record, event: HistoryEvent) -> None:
        """Add `event` to the history of `record`, then write the stage it leads to."""
        key, value = event_tag(event)
        try:
            self.backend.set_tag(record.model, record.number, key, value)
        except Conflict:
            # Two close the same promotion at the same moment. The other one's row is there now, and can be written.
            self.backend.set_tag(record.model, record.number, key, value)
        self.backend.set_tag(record.model, record.number, STAGE, event.target.value)

    def move(self, record: Record, source: Stage, target: Stage, cause: Cause) -> None:
        """Record that `record` went from `source` to `target`."""
        self.write(record, self.event(source, target, cause, after=record.events[-1]))
