"""Prometheus' HTTP API: instant queries, and their faults."""

from __future__ import annotations

import httpx

from mlops.errors import Permanent, Transient

_SECONDS = 10.0
_BAD = 400


class Prometheus:
    """Asks the server at `url`; threads may share it. `transport` stands in for the network in tests."""

    def __init__(self, url: str, transport: httpx.BaseTransport | None = None) -> None:
        self._http = httpx.Client(base_url=url, timeout=_SECONDS, transport=transport)

    def ask(self, query: str, at: float) -> float | None:
        """Return the one value of an instant query at a moment (Unix seconds), None where there is no such series.

        Raises Transient where the server does not answer, Permanent where it refuses the query or finds several.
        """
        try:
            answer = self._http.post("/api/v1/query", data={"query": query, "time": f"{at:.3f}"})
            body = dict(answer.json())
        except (httpx.HTTPError, ValueError, TypeError) as error:
            raise Transient(f"Prometheus does not answer: {type(error).__name__}", hint="look at its pod") from error
        if answer.status_code == _BAD:
            raise Permanent(f"Prometheus refuses the query: {body.get('error', '')}")
        if body.get("status") != "success":
            raise Transient(f"Prometheus could not answer: {body.get('error', answer.status_code)}")
        found = body["data"]["result"]
        if len(found) > 1:
            raise Permanent(f"the query has {len(found)} answers; it must have one: {query}")
        return float(found[0]["value"][1]) if found else None

    def close(self) -> None:
        """Give connections back."""
        self._http.close()
