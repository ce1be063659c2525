"""Kinds of KServe and of the Gateway API as far as a controller's watches need them: any content, no controllers."""

from __future__ import annotations

from typing import Any


def foreign_crds() -> list[dict[str, Any]]:
    return [
        _crd("serving.kserve.io", "v1beta1", "InferenceService"),
        _crd("gateway.networking.k8s.io", "v1", "HTTPRoute"),
    ]


def _crd(group: str, version: str, kind: str) -> dict[str, Any]:
    plural = f"{kind.lower()}s"
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{group}",
            "annotations": {"api-approved.kubernetes.io": "unapproved, a stand-in for tests"},
        },
        "spec": {
            "group": group, "scope": "Namespaced", "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [{
                "name": version, "served": True, "storage": True, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": anything},
            }],
        },
    }  # fmt: skip
