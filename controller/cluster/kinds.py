"""The kinds that the controller reads and writes, and the marks that it leaves on its own."""

from __future__ import annotations

from dataclasses import dataclass

from controller.resource.meta import GROUP

FIELD_MANAGER = "recipe-recommender"
FINALIZER = f"{GROUP}/release"
# Labels on everything we make; a label's value holds no `+`, so the version itself stands in an annotation.
MODEL = f"{GROUP}/model"
PURPOSE = f"{GROUP}/purpose"
# On the pods of a controller that keeps every namespace.
SCOPE = f"{GROUP}/scope"
VERSION = f"{GROUP}/version"
DIGEST = f"{GROUP}/digest"
REVISION = f"{GROUP}/revision"
ASK = f"{GROUP}/ask"
RETRAIN_DUE = f"{GROUP}/retrain-due"
# Kubernetes' own, on the pods of a Job.
JOB_NAME = "batch.kubernetes.io/job-name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of the API, all of them namespaced."""

    group: str
    version: str
    plural: str
    kind: str

    @property
    def api_version(self) -> str:
        """As manifests write it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str, name: str = "", subresource: str = "") -> str:
        """Return the URL's path of the collection, of an object, or of its subresource.

        Of every namespace at once, which takes a collection alone, where none is named.
        """
        root = f"/apis/{self.api_version}" if self.group else f"/api/{self.version}"
        steps = (root, "namespaces" if namespace else "", namespace, self.plural, name, subresource)
        return "/".join(step for step in steps if step)


MODELS = Kind(group=GROUP, version="v1alpha1", plural="models", kind="Model")
VERSIONS = Kind(group=GROUP, version="v1alpha1", plural="modelversions", kind="ModelVersion")
APPROVALS = Kind(group=GROUP, version="v1alpha1", plural="modelapprovals", kind="ModelApproval")
OURS = (MODELS, VERSIONS, APPROVALS)
INFERENCE_SERVICES = Kind(
    group="serving.kserve.io", version="v1beta1", plural="inferenceservices", kind="InferenceService"
)
DEPLOYMENTS = Kind(group="apps", version="v1", plural="deployments", kind="Deployment")
ROUTES = Kind(group="gateway.networking.k8s.io", version="v1", plural="httproutes", kind="HTTPRoute")
JOBS = Kind(group="batch", version="v1", plural="jobs", kind="Job")
PODS = Kind(group="", version="v1", plural="pods", kind="Pod")
SERVICES = Kind(group="", version="v1", plural="services", kind="Service")
CRON_JOBS = Kind(group="batch", version="v1", plural="cronjobs", kind="CronJob")
LEASES = Kind(group="coordination.k8s.io", version="v1", plural="leases", kind="Lease")
EVENTS = Kind(group="events.k8s.io", version="v1", plural="events", kind="Event")


def predictor_name(name: str) -> str:
    """Return the name of the Deployment and of the Service that KServe makes of an InferenceService."""
    return f"{name}-predictor"


def watched(*, splits: bool) -> tuple[Kind, ...]:
    """What is watched: our own kinds, and those of what we make; a Gateway's only where one splits the users."""
    made = (INFERENCE_SERVICES, DEPLOYMENTS, PODS, JOBS, CRON_JOBS)
    return (*OURS, *made, ROUTES if splits else SERVICES)
