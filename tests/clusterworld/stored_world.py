"""What a scenario does to, and sees of, a model whose resources an API keeps: one in memory, or a cluster's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controller.cluster.kinds import APPROVALS, MODELS, VERSIONS
from controller.explain import explain
from controller.resource.meta import API_VERSION, version_name
from controller.resource.parse import dump, parse, read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from controller.cluster.api import KubeApi
    from tests.fakes.kube_api import InMemoryKubeApi

UNSEEN = f"sha256:{'0' * 64}"


class StoredWorld:
    """The half of a World that is resources; scenarios call their model `recipes`, whatever its name is here."""

    def __init__(self, api: KubeApi | InMemoryKubeApi, model: str) -> None:
        self.api = api
        self.model = model

    def apply(self, manifest: Mapping[str, Any]) -> None:
        document = self.document(manifest)
        match document["kind"]:
            case "Model":
                self.api.apply(MODELS, document)
            case "ModelVersion":
                document["spec"].setdefault("requestedBy", "author")
                assert self.api.create(VERSIONS, document), "a version is immutable"
            case _:
                self.api.create(APPROVALS, document)

    def document(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """The manifest as it is stored, of this world's model. Raises InvalidManifest."""
        if manifest["kind"] == "Model":
            named = {**manifest, "metadata": {**manifest["metadata"], "name": self.model}}
        else:
            named = {**manifest, "spec": {**manifest["spec"], "model": self.model}}
        document = dump(parse(named))
        del document["metadata"]["generation"], document["metadata"]["namespace"]
        return document

    def set_intent(self, version: str, intent: str) -> None:
        self.api.merge(VERSIONS, self._name(version), {"spec": {"intent": intent}})

    def patch_model(self, spec: Mapping[str, Any]) -> None:
        stored = self.api.get(MODELS, self.model) or {"spec": {}}
        kept = {key: value for key, value in (stored["spec"] | spec).items() if value is not None}
        self.apply({"apiVersion": API_VERSION, "kind": "Model", "metadata": {"name": self.model}, "spec": kept})

    def delete(self, version: str) -> None:
        self.api.delete(VERSIONS, self._name(version))

    def approval(self, version: str, decision: str, by: str) -> dict[str, Any]:
        """A ModelApproval of what the version's status shows now."""
        status = self._status(version)
        return self.document({"apiVersion": API_VERSION, "kind": "ModelApproval", "spec": {
            "model": self.model, "version": version, "decision": decision, "approver": by,
            "digest": status.get("artifact", {}).get("digest", UNSEEN),
            "resultsHash": status.get("resultsHash", UNSEEN),
        }})  # fmt: skip

    def exists(self, version: str) -> bool:
        return self._stored(version) is not None

    def stage(self, version: str) -> str:
        return str(self._status(version).get("stage", "Training"))

    def reasons(self, version: str) -> list[str]:
        status = self._status(version)
        return [*(move["reason"] for move in status.get("history", ())), str(status.get("reason"))]

    def stalled(self, version: str) -> bool:
        found = self._status(version).get("conditions", ())
        return any(each["type"] == "Stalled" and each["status"] == "True" for each in found)

    def model_reason(self) -> str:
        document = self.api.get(MODELS, self.model) or {}
        return str(document.get("status", {}).get("reason", "unseen"))

    def explain(self, version: str) -> str:
        document, model = self._stored(version), self.api.get(MODELS, self.model)
        return "\n".join(explain(read(document), read(model))) if document and model else "(gone)"  # type: ignore[arg-type]

    def _name(self, version: str) -> str:
        return version_name(self.model, version)

    def _stored(self, version: str) -> dict[str, Any] | None:
        return self.api.get(VERSIONS, self._name(version))

    def _status(self, version: str) -> dict[str, Any]:
        document = self._stored(version)
        assert document is not None, f"{version} is gone"
        return document.get("status", {})
