"""What the operator leans on in a real API server: server-side apply, conflicts of two writers, admission by policy."""

from __future__ import annotations

import time
import uuid

import pytest
from kubernetes import client
from kubernetes.client.exceptions import ApiException

pytestmark = [pytest.mark.contract, pytest.mark.timeout(240)]

GROUP = "mlops.recipe-recommender.io"
# Policies and roles reach the API server's own caches a moment after they are written.
SETTLE_SECONDS = 30.0


@pytest.fixture
def config_maps(dynamic):
    return dynamic.resources.get(api_version="v1", kind="ConfigMap")


def config_map(name, namespace, data):
    return {
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data,
    }  # fmt: skip


def apply(config_maps, body, manager, **options):
    return config_maps.server_side_apply(
        body=body, name=body["metadata"]["name"], namespace=body["metadata"]["namespace"], field_manager=manager,
        **options,
    )  # fmt: skip


def test_applying_the_same_again_changes_nothing(config_maps, namespace):
    body = config_map("route", namespace, {"weight": "10"})

    first = apply(config_maps, body, "operator")
    second = apply(config_maps, body, "operator")

    assert second.metadata.resourceVersion == first.metadata.resourceVersion


def test_a_field_that_is_applied_no_longer_is_removed(config_maps, namespace):
    apply(config_maps, config_map("route", namespace, {"stable": "90", "canary": "10"}), "operator")

    left = apply(config_maps, config_map("route", namespace, {"stable": "100"}), "operator")

    assert left.data.to_dict() == {"stable": "100"}


def test_another_writers_field_is_taken_only_by_force(config_maps, namespace):
    apply(config_maps, config_map("route", namespace, {"weight": "10"}), "somebody")
    ours = config_map("route", namespace, {"weight": "20"})

    with pytest.raises(ApiException) as conflict:
        apply(config_maps, ours, "operator")
    taken = apply(config_maps, ours, "operator", force_conflicts=True)

    assert conflict.value.status == 409
    assert "somebody" in conflict.value.body
    assert taken.data.weight == "20"


def test_a_write_to_an_old_state_is_refused(api, namespace):
    core = client.CoreV1Api(api)
    old = core.create_namespaced_config_map(namespace, config_map("route", namespace, {"weight": "10"}))
    core.patch_namespaced_config_map("route", namespace, {"data": {"weight": "20"}})
    old.data = {"weight": "30"}

    with pytest.raises(ApiException) as conflict:
        core.replace_namespaced_config_map("route", namespace, old)

    assert conflict.value.status == 409


def test_controllers_run_so_an_owned_object_goes_with_its_owner(api, namespace):
    core = client.CoreV1Api(api)
    owner = core.create_namespaced_config_map(namespace, config_map("owner", namespace, {}))
    owned = config_map("owned", namespace, {})
    owned["metadata"]["ownerReferences"] = [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner.metadata.uid}
    ]
    core.create_namespaced_config_map(namespace, owned)

    core.delete_namespaced_config_map("owner", namespace)

    eventually(lambda: "owned" not in {each.metadata.name for each in core.list_namespaced_config_map(namespace).items})


@pytest.fixture
def approval_policy(api, namespace):
    """Whoever approves does so in their own name and holds the verb `approve`; alice does, bob does not."""
    admission = client.AdmissionregistrationV1Api(api)
    rbac = client.RbacAuthorizationV1Api(api)
    name = f"approval-{uuid.uuid4().hex[:8]}"
    admission.create_validating_admission_policy({"metadata": {"name": name}, "spec": {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [
            {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]},
        ]},
        "matchConditions": [{"name": "approvals", "expression": "has(object.data) && 'approver' in object.data"}],
        "validations": [
            {"expression": "object.data.approver == request.userInfo.username", "message": "approver is not you"},
            {"expression": f"authorizer.group('{GROUP}').resource('modelversions').namespace(request.namespace)"
                           ".name(object.data.version).check('approve').allowed()",
             "message": "you may not approve this version"},
        ],
    }})  # fmt: skip
    admission.create_validating_admission_policy_binding({"metadata": {"name": name}, "spec": {
        "policyName": name, "validationActions": ["Deny"],
        "matchResources": {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}},
    }})  # fmt: skip
    for role, users, rules in (
        ("writer", ("alice", "bob"), {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create"]}),
        ("approver", ("alice",), {"apiGroups": [GROUP], "resources": ["modelversions"], "verbs": ["approve"]}),
    ):
        rbac.create_namespaced_role(namespace, {"metadata": {"name": role}, "rules": [rules]})
        rbac.create_namespaced_role_binding(namespace, {
            "metadata": {"name": role}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role},
            "subjects": [{"kind": "User", "name": user} for user in users],
        })  # fmt: skip
    yield name
    admission.delete_validating_admission_policy_binding(name)
    admission.delete_validating_admission_policy(name)


def test_only_a_rightful_approver_approves_in_their_own_name(api, namespace, approval_policy):
    def approve(number, *, user, approver):
        api.set_default_header("Impersonate-User", user)
        try:
            client.CoreV1Api(api).create_namespaced_config_map(
                namespace, config_map(f"approval-{number}", namespace, {"approver": approver, "version": "recipes-1"})
            )
        except ApiException as refused:
            return refused.body
        finally:
            del api.default_headers["Impersonate-User"]
        return "approved"

    # The policy is in force once it refuses; before that a refusal of this kind cannot be had.
    names = iter(range(1000))
    eventually(lambda: "approver is not you" in approve(next(names), user="alice", approver="bob"))

    assert "may not approve" in approve(next(names), user="bob", approver="bob")
    assert "approver is not you" in approve(next(names), user="bob", approver="alice")
    eventually(lambda: approve(next(names), user="alice", approver="alice") == "approved")


def eventually(holds):
    end = time.monotonic() + SETTLE_SECONDS
    while not holds():
        assert time.monotonic() < end, f"not so after {SETTLE_SECONDS} s"
        time.sleep(0.2)
