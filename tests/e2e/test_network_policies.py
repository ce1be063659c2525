"""The chart's NetworkPolicies where something enforces them: who has to gets through, and nobody else.

Our own cluster alone, as root, with ipset: `python -m tests.cluster.toolchain kube-router`, then
`pytest -m e2e_full tests/e2e/test_network_policies.py`. Nothing else should run on the cluster meanwhile.
"""

from __future__ import annotations

import shlex
import shutil
from urllib.parse import urlsplit

import pytest
import yaml

from tests.cluster.chart import settings
from tests.cluster.commands import wait_until
from tests.cluster.control_plane import BRIDGE
from tests.cluster.firewall import firewall
from tests.cluster.monitoring import PORT as PROMETHEUS
from tests.cluster.toolchain import NotBuilt, toolset
from tests.e2e import first_user, readme
from tests.e2e.life import HOST, MODEL, installed, version
from tests.e2e.load import Load
from tests.e2e.pods import POD_SECURITY, SCRATCH, container

pytestmark = [pytest.mark.e2e, pytest.mark.e2e_full, pytest.mark.timeout(900)]
# Names are answered by a process of the node here, as with NodeLocal DNSCache, and so are questions to Prometheus.
POLICIES = {
    "networkPolicies.enabled": "true",
    "networkPolicies.egress[0].to[0].ipBlock.cidr": f"{BRIDGE}/32",
    "networkPolicies.egress[0].ports[0].port": "53",
    "networkPolicies.egress[0].ports[0].protocol": "UDP",
    "networkPolicies.egress[0].ports[1].port": str(PROMETHEUS),
}
QUICK = MODEL["spec"] | {
    "evaluation": {"gates": MODEL["spec"]["evaluation"]["gates"], "replay": {"queries": 0}},
    "rollout": {"steps": [{"weight": 50, "pauseSeconds": 5}], "analysis": {"intervalSeconds": 5, "gates": []}},
}
SERVING = "mlops.recipe-recommender.io/purpose=serving"
_KNOCK = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=3).close()
    print("in")
except OSError:
    print("out")
"""


@pytest.fixture
def enforced(bed, tmp_path):
    """A way to have policies enforced from then on."""
    if bed.own is None:
        pytest.skip("it writes the rules of the machine that the node is")
    try:
        toolset("kube-router").program("kube-router")
    except NotBuilt as absent:
        pytest.skip(f"{absent}: python -m tests.cluster.toolchain kube-router")
    if shutil.which("ipset") is None:
        pytest.skip("ipset is not installed: apt-get install ipset")
    return lambda: firewall(bed.kubeconfig, tmp_path / "firewall")


def knocks(kube, pod: str, address: str, port: int) -> str:
    """Whether a pod gets through to an address."""
    return kube("exec", pod, "--", "python", "-c", _KNOCK, address, str(port)).strip()


def api_of(kubeconfig):
    """Where the API listens."""
    server = urlsplit(yaml.safe_load(kubeconfig.read_text())["clusters"][0]["cluster"]["server"])
    return server.hostname, server.port


def policies(kubeconfig):
    return POLICIES | {"networkPolicies.apiPorts[0]": str(api_of(kubeconfig)[1])}


def test_who_has_to_gets_through_and_nobody_else(world, enforced):
    kube = world.kube
    stranger = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "stranger"}, "spec": {
        "securityContext": POD_SECURITY, "automountServiceAccountToken": False, "volumes": [SCRATCH],
        "containers": [container("stranger", world.images["jobs"], command=["sleep", "3600"])],
    }}  # fmt: skip
    with installed(world, world.volumes / "feedback", **policies(kube.kubeconfig)) as life:
        kube.apply(stranger, MODEL | {"spec": QUICK})
        kube.wait("pod", "stranger", "Ready")
        controller = kube.address("rr-controller")
        assert knocks(kube, "stranger", controller, 80) == "in", "nothing enforces them yet"
        assert knocks(kube, "stranger", *api_of(kube.kubeconfig)) == "in"

        with enforced():
            kube("rollout", "restart", "deployment/rr-controller")  # what it had connected before would go on
            kube("rollout", "status", "deployment/rr-controller", "--timeout=120s")
            wait_until(lambda: knocks(kube, "stranger", controller, 80) == "out", "the controller is shut")
            # By verification, evaluation and serving the Jobs, the pods and the controller reach what they need.
            kube.apply(version("1.0.0"))
            life.wait("1.0.0", "Production")
            with Load(world.gateway, HOST, per_second=5) as load:
                load.wait_for(20)
            assert set(load.answers) == {200}, load.failures[:3]

            (pod, *_) = kube.list("pods", SERVING)
            name, address = pod["metadata"]["name"], pod["status"]["podIP"]
            assert knocks(kube, "stranger", address, 8080) == "out", "who is not of the product asks no version"
            assert knocks(kube, name, kube.address("mlflow"), 5000) == "in"
            assert knocks(kube, name, controller, 80) == "out", "a version that is taken over reaches nobody else"
            assert knocks(kube, name, *api_of(kube.kubeconfig)) == "out", "nor the API"

        wait_until(lambda: knocks(kube, "stranger", controller, 80) == "in", "it is as it was")
        kube("delete", "modelversion,model", "--all", "--wait=true", "--timeout=120s")
        kube("delete", "pod", "stranger", "--wait=false")


def test_what_the_readme_installs_goes_its_way_under_them(bed, enforced):
    """With the chart's own MLflow, two versions that it has trained, and its own test."""
    with enforced(), first_user.first_user(bed, toolset("helm").folder) as user:
        user.installs(shlex.join(settings(policies(bed.kubeconfig))))
        assert len(user.kube.list("networkpolicies")) == 3
        user.types(readme.command("kubectl recipes wait"))
        with Load(user.gateway, first_user.HOST, per_second=5) as load:
            load.wait_for(5)
            user.types(readme.command("helm upgrade rr"))
            user.recipes("wait", "1.1.0", "--timeout", "300")
            load.wait_for(5)
        assert set(load.answers) == {200}, load.failures[:3]
        assert set(load.versions) == {"1.0.0", "1.1.0"}
        told = user.types("helm test rr --namespace recipes --timeout 10m --logs")
        assert "a version went to production and back" in told
        user.recipes("delete", "--all")
        wait_until(lambda: not user.kube.list("modelversions"), "all gone", seconds=120)
