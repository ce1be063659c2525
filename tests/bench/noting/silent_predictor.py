"""`python -m predictor` that notes nothing of a request: what is left when metrics, samples, lines and spans are taken away."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from predictor import __main__, service, telemetry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops.recommendation import Answer


class _Silent(telemetry.RequestRecord):
    """Carries the request's id and version to the answer's headers, and forgets the rest."""

    def answered(self, recommendation_id: str, answer: Answer) -> None:
        """Forget it."""


class _SilentTelemetry(telemetry.Telemetry):
    @contextmanager
    def request(self, *, request_id: str, route: str, method: str, **_: object) -> Iterator[telemetry.RequestRecord]:
        """Hand out a record, and read no clock."""
        token = telemetry._CURRENT.set(  # noqa: SLF001 - a stand-in for its owner
            record := _Silent(request_id=request_id, route=route, method=method)
        )
        try:
            yield record
        finally:
            telemetry._CURRENT.reset(token)  # noqa: SLF001 - as above


if __name__ == "__main__":
    service.Telemetry = _SilentTelemetry  # type: ignore[misc]
    sys.exit(__main__.main())
