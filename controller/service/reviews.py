"""Who asks, and whether they may: the cluster's own answer (TokenReview, SubjectAccessReview)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.resource.meta import GROUP
from mlops.errors import Permanent

if TYPE_CHECKING:
    from controller.cluster.api import KubeApi
    from controller.cluster.key import Key

_VERB = "retrain"


class Unknown(Permanent):
    """Nobody is named, or by a token that the cluster does not know."""


class Denied(Permanent):
    """Whoever asks may not."""


class Reviews:
    """Asks the API. Only what it says counts; nothing is remembered."""

    def __init__(self, api: KubeApi) -> None:
        self._api = api

    def admit(self, authorization: str, key: Key) -> str:
        """Return the name of whoever asks, if they hold the verb `retrain` on the model.

        Raises Unknown or Denied; Transient where the API does not answer.
        """
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unknown("send the header authorization: Bearer with a token of this cluster",
                          hint="kubectl create token NAME")  # fmt: skip
        told = self._api.review(
            "authentication.k8s.io/v1", "tokenreviews",
            {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token.strip()}},
        )["status"]  # fmt: skip
        if not told.get("authenticated"):
            raise Unknown("the cluster does not know the token", hint="it may have expired: kubectl create token NAME")
        user = told["user"]
        spec = {
            "user": user["username"],
            "uid": user.get("uid", ""),
            "groups": user.get("groups", []),
            "extra": user.get("extra", {}),
            "resourceAttributes": {"group": GROUP, "resource": "models", "verb": _VERB, "name": key.model,
                                   "namespace": key.namespace},
        }  # fmt: skip
        answer = self._api.review(
            "authorization.k8s.io/v1", "subjectaccessreviews",
            {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec},
        )["status"]  # fmt: skip
        if not answer.get("allowed"):
            raise Denied(
                f"{user['username']} may not start a retraining of {key.model}",
                hint=f"it takes the verb {_VERB} on models",
            )
        return str(user["username"])
