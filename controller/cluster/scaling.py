"""How KServe is told to scale the pods of a version: by an HPA, by KEDA, or not. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controller.cluster.measuring import rate_query
from controller.resource.model import Autoscaling, Load
from mlops.errors import Permanent

if TYPE_CHECKING:
    from controller.cluster.key import Key
    from controller.resource.model import Serving

Object = dict[str, Any]


def autoscaler(serving: Serving) -> str:
    """Return the class of autoscaler, as KServe's annotation names it."""
    if serving.max_replicas is None:
        return "none"
    return "keda" if _asked(serving).metric is Load.REQUESTS else "hpa"


def scaling(serving: Serving, key: Key, version: str, prometheus: str | None) -> Object:
    """Return the predictor's fields about the number of its pods.

    Raises Permanent where requests are to be counted and the controller knows no Prometheus.
    """
    if serving.max_replicas is None:
        return {"minReplicas": serving.min_replicas}
    return {
        "minReplicas": serving.min_replicas,
        "maxReplicas": serving.max_replicas,
        "autoScaling": {"metrics": [_metric(_asked(serving), key, version, prometheus)]},
    }


def _asked(serving: Serving) -> Autoscaling:
    return serving.autoscaling or Autoscaling()


def _metric(asked: Autoscaling, key: Key, version: str, prometheus: str | None) -> Object:
    if asked.metric is not Load.REQUESTS:
        target = {"type": "Utilization", "averageUtilization": asked.target}
        return {"type": "Resource", "resource": {"name": asked.metric.value, "target": target}}
    if prometheus is None:
        raise Permanent(
            f"{key.model} scales on requests, and the controller knows no Prometheus to count them",
            hint="set CONTROLLER_PROMETHEUS (the chart's `prometheus`), or spec.serving.autoscaling.metric to cpu",
        )
    counted = {"backend": "prometheus", "serverAddress": prometheus, "query": rate_query(key, version)}
    # KEDA divides what it is told by the number of pods before it compares.
    return {
        "type": "External",
        "external": {"metric": counted, "target": {"type": "Value", "value": str(asked.target)}},
    }
