"""The page at `/` as users of a cluster get it: from a pod, with the rollout from the controller, through one route.

The API server, the controller, the predictors and the browser are real. The controller stands by, so that the canary
stays where it is; what leads requests is the HTTPRoute as it is stored, read by a proxy of a few lines.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from pathlib import Path
from threading import Event, Thread

import httpx
import pytest

from controller.cluster.api import KubeApi
from controller.cluster.kinds import LEASES, MODELS, ROUTES, predictor_name
from controller.cluster.routing import Entrance, http_route
from controller.resource.meta import version_name
from controller.resource.parse import read
from tests.builders.browser import absent, browser
from tests.builders.predictor_process import predictor_process
from tests.builders.stored_cluster import store
from tests.cluster.controller_process import controller_process, make_kinds
from tests.contract.kubernetes.test_kubectl_recipes import rolling_out

pytestmark = [
    pytest.mark.contract, pytest.mark.timeout(300), pytest.mark.skipif(absent() is not None, reason=str(absent())),
]  # fmt: skip
SCREENSHOTS = Path(__file__).parents[3] / "build" / "screenshots"
HOST, API = "recipes.localhost", "rr-controller"
HOP_BY_HOP = {"connection", "transfer-encoding", "content-length"}


@contextmanager
def led_by_another(kube):
    """A Lease that somebody else holds, and renews."""
    stopped = Event()

    def spec():
        now = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())
        return {"holderIdentity": "another", "leaseDurationSeconds": 15, "acquireTime": now, "renewTime": now}

    def renew():
        while not stopped.wait(2):
            kube.replace(LEASES, {**kube.get(LEASES, "recipe-recommender"), "spec": spec()})

    kube.create(LEASES, {"apiVersion": LEASES.api_version, "kind": LEASES.kind,
                         "metadata": {"name": "recipe-recommender"}, "spec": spec()})  # fmt: skip
    thread = Thread(target=renew, daemon=True)
    thread.start()
    yield
    stopped.set()
    thread.join()


@contextmanager
def gateway(route, services):
    """A proxy that does what the rules of `route` say: by host, by the longest prefix of the path, by weight."""
    turns = {}
    for rule in route["spec"]["rules"]:
        prefix = rule["matches"][0]["path"]["value"]
        turns[prefix] = cycle([back["name"] for back in rule["backendRefs"] for _ in range(back.get("weight", 1))])

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def lead(self):
            if self.headers["host"].partition(":")[0] not in route["spec"]["hostnames"]:
                self.send_error(404)
                return
            prefix = max((each for each in turns if self.path.startswith(each)), key=len)
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            answer = httpx.request(
                self.command, services[next(turns[prefix])] + self.path, content=body, headers=self.headers.items(),
                timeout=30,
            )  # fmt: skip
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                if name not in HOP_BY_HOP | {"content-encoding"}:
                    self.send_header(name, value)
            self.send_header("content-length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = lead  # noqa: N815 - its base asks for these names

        def log_message(self, *_):
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{HOST}:{server.server_port}"
        server.shutdown()


def test_the_page_of_a_pod_shows_the_rollout_that_the_controller_knows_and_alerts(kubeconfig, api, namespace, tmp_path):
    make_kinds(kubeconfig)
    kube, world = KubeApi(namespace, api), rolling_out()
    store(world, kube)
    entrance = Entrance(hostname=HOST, gateway="gateway/recipes", api=API)
    owner = read(kube.get(MODELS, "recipes")).meta
    route = kube.apply(ROUTES, http_route(owner, world.platform.traffic, entrance))
    folders = {number: tmp_path / number for number in ("1.0.0", "1.1.0")}
    for folder in folders.values():
        folder.mkdir()
    with (
        led_by_another(kube),
        controller_process(kubeconfig, namespace, tmp_path) as controller,
        predictor_process(folders["1.0.0"], "--grpc-port", "0", FAKE_SPLIT="1.0.0=100") as old,
        predictor_process(folders["1.1.0"], "--grpc-port", "0", FAKE_SPLIT="1.1.0=100") as new,
    ):
        pods = {"1.0.0": old, "1.1.0": new}
        services = {predictor_name(version_name("recipes", number)): pod.url for number, pod in pods.items()}
        for pod in pods.values():
            pod.wait_until_ready()
            assert {pod.recommend("boom").status_code for _ in range(40)} == {500}
        with gateway(route, services | {API: controller.url}) as url, browser() as window:
            window.open(f"{url}/")
            rollout = window.wait("#rollout", "step 1 of")
            health = window.wait("#health", "requests failed")
            SCREENSHOTS.mkdir(parents=True, exist_ok=True)
            window.screenshot(SCREENSHOTS / "cluster.png")
            window.type("input[type=search]", "lentil soup")
            window.click("form.search button")
            answer = window.wait("#answer", "by version")
            assert window.complaints() == []
        assert not controller.leads
    weight = world.platform.traffic["1.1.0"]
    for told in ("1.0.0", "Production", "1.1.0", "Staging", f"{weight} %", "ndcg@10"):
        assert told in rollout
    assert "1.0.0" in answer or "1.1.0" in answer
    assert "errors" in health
