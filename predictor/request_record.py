"""What is known of one request while it is handled, and the id that it goes by."""

from __future__ import annotations

import re
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlops.monitoring.traffic_log import DEPTH

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops.recommendation import Answer, ServedModel

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


@dataclass(slots=True, kw_only=True)
class RequestRecord:
    """Fills up while a request is handled. `user` is a hash; a query's text is never in it.

    `language` and `words`, how many, are of a batch's first query. `trace` holds the ids of the trace and of the span
    that it belongs to. `computing_seconds` is what computing an answer took that came from memory now: a version is
    judged by that too, and not by how warm its memory is.
    """

    request_id: str
    route: str
    method: str
    status: int | None = None
    error: str | None = None
    trace: tuple[str, str] | None = None
    computing_seconds: float | None = None
    model: str | None = None
    version: str | None = None
    user: str | None = None
    languages: set[str] = field(default_factory=set)
    language: str | None = None
    words: int | None = None
    queries: int = 0
    hits: int = 0
    untranslated: int = 0
    recommendation_ids: list[str] = field(default_factory=list)
    shown: list[tuple[str, ...]] = field(default_factory=list)
    top_scores: list[float | None] = field(default_factory=list)
    results: list[int] = field(default_factory=list)
    phases: dict[str, float] = field(default_factory=dict)
    started: float = 0.0
    seconds: float = 0.0

    def served_by(self, served: ServedModel) -> None:
        """Note which model answers."""
        self.model, self.version = served.name, served.version

    def answered(self, recommendation_id: str, answer: Answer) -> None:
        """Add one answer; the phases of a batch add up."""
        self.recommendation_ids.append(recommendation_id)
        self.shown.append(tuple([hit.id for hit in answer.hits[:DEPTH]]))  # twice as fast as from a generator
        self.top_scores.append(answer.hits[0].score if answer.hits else None)
        self.results.append(len(answer.hits))
        self.queries += 1
        self.hits += len(answer.hits)
        self.untranslated += not answer.translated
        self.language = self.language or answer.language
        self.languages.add(answer.language)
        for phase, milliseconds in answer.timings.items():
            self.phases[phase] = self.phases.get(phase, 0.0) + milliseconds

    def headers(self) -> list[tuple[bytes, bytes]]:
        """What every answer says of its request."""
        headers = [(b"x-request-id", self.request_id.encode())]
        if self.version is not None:
            headers.append((b"x-model-version", self.version.encode("latin-1", "replace")))
        return headers

    @property
    def judged_seconds(self) -> float:
        """What the request counts with, in all that compares versions or times."""
        return self.seconds + (self.computing_seconds or 0.0)

    @property
    def ranking(self) -> float | None:
        """Milliseconds of searching and ranking together; None where neither happened."""
        parts = [self.phases[phase] for phase in ("search", "rank") if phase in self.phases]
        return sum(parts) if parts else None


CURRENT: ContextVar[RequestRecord] = ContextVar("request_record")


def request_id_from(given: str, new_id: Callable[[], str]) -> str:
    """Keep the id that a client sent along if it is fit for logs and headers, else make one."""
    return given if _REQUEST_ID.fullmatch(given) else new_id()


def current_record() -> RequestRecord:
    """Return the record of the request that this task handles.

    Raises LookupError outside of `Telemetry.request`.
    """
    return CURRENT.get()
