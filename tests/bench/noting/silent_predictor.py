"""`python -m predictor` that notes nothing of a request: what is left when metrics, samples, lines and spans are taken away."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from predictor import __main__, service
from predictor.request_record import CURRENT, RequestRecord
from predictor.telemetry import Telemetry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops.recommendation import Answer


class _Silent(RequestRecord):
    """Carries the request's id and version to the answer's headers, and forgets the rest."""

    def answered(self, recommendation_id: str, answer: Answer) -> None:
        """Forget it."""


class _SilentTelemetry(Telemetry):
    @contextmanager
    def request(self, *, request_id: str, route: str, method: str, **_: object) -> Iterator[RequestRecord]:
        """Hand out a record, and read no clock."""
        token = CURRENT.set(record := _Silent(request_id=request_id, route=route, method=method))
        try:
            yield record
        finally:
            CURRENT.reset(token)


if __name__ == "__main__":
    service.Telemetry = _SilentTelemetry  # type: ignore[misc]
    sys.exit(__main__.main())
