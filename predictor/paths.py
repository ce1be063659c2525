"""Paths of the process: whose they are, how they are called in metrics and logs, and which stay shut. Pure."""

from __future__ import annotations

import re

_OWN_ROUTES = frozenset(
    {"/recommend", "/feedback", "/health", "/metrics", "/models", "/retrain/check", "/openapi.json"}
)
# The page's forms ask the same, so they count as the same: to dashboards, alerts and whoever judges a canary.
_FORMS = {"/search": "/recommend", "/search/feedback": "/feedback"}
_PATTERNS = (
    (re.compile(r"/models/[^/]+/production"), "/models/{model}/production"),
    (re.compile(r"/models/[^/]+/rollout"), "/models/{model}/rollout"),
    (re.compile(r"/v1/models/[^/]+:predict"), "/v1/models/{model}:predict"),
    (re.compile(r"/v1/models/[^/:]+"), "/v1/models/{model}"),
    (re.compile(r"/v2/models/[^/]+/infer"), "/v2/models/{model}/infer"),
    (re.compile(r"/v2/models/[^/]+/ready"), "/v2/models/{model}/ready"),
    (re.compile(r"/v2/models/[^/]+"), "/v2/models/{model}"),
)
_KSERVE_ROUTES = frozenset({"/", "/v1/models", "/v2", "/v2/models", "/v2/health/live", "/v2/health/ready"})


def route_of(path: str) -> str:
    """Return the label of `path`: one of a closed set, whatever is asked for."""
    if path in _OWN_ROUTES or path in _KSERVE_ROUTES:
        return path
    if path in _FORMS:
        return _FORMS[path]
    return next((route for pattern, route in _PATTERNS if pattern.fullmatch(path)), "other")


def is_kserve(path: str, accept: str = "") -> bool:
    """Whether `path` belongs to KServe's protocols. Of `/` that is KServe's say but where a browser asks: our page."""
    if path == "/" and "text/html" in accept:
        return False
    return path == "/" or path.startswith(("/v1/", "/v2/")) or path in ("/v1", "/v2")


def is_shut(path: str) -> bool:
    """Whether `path` is one of KServe's that nobody may use.

    Load and unload ask for no credentials, and unload takes the model away; explain sends request headers back.
    """
    return path.startswith("/v2/repository") or (path.startswith("/v1/") and path.endswith(":explain"))
