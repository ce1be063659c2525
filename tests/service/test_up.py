"""`recipes up` as a newcomer meets it: real processes, real MLflow, real requests, killed, damaged and started again."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from mlops.embedded.home import Home
from mlops.registry.server import free_port
from tests.builders.corpus import KITCHEN
from tests.builders.trace_collector import trace_collector

pytestmark = [pytest.mark.service, pytest.mark.timeout(300)]
START_SECONDS = 180
KEPT = {"metrics.png", "page.html", "report.json", "report_of_baseline.json"}


class Laptop:
    """A home folder and the command line over it."""

    def __init__(self, home: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = os.environ | {
            "RECIPES_HOME": str(home),
            "RECIPES_PORT": str(self.port),
            "RECIPES_GRPC_PORT": str(free_port()),
            "RECIPES_MLFLOW_PORT": str(free_port()),
        }
        self.home = home

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments), env=self.environment, capture_output=True, text=True, timeout=180, check=False
        )

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "mlops.cli.main", *arguments]

    def up(self) -> subprocess.Popen[str]:
        return subprocess.Popen(self.command("up"), env=self.environment, stderr=subprocess.PIPE, text=True)

    def wait_until_healthy(self, process: subprocess.Popen[str]) -> float:
        started = time.monotonic()
        while time.monotonic() - started < START_SECONDS:
            assert process.poll() is None, process.stderr.read()
            try:
                if httpx.get(f"{self.url}/health", timeout=5).status_code == 200:
                    return time.monotonic() - started
            except httpx.TransportError:
                pass
            time.sleep(0.2)
        raise AssertionError(f"not healthy within {START_SECONDS} s")

    def wait_until(self, condition, what: str) -> None:
        deadline = time.monotonic() + 120
        while not condition():
            assert time.monotonic() < deadline, what
            time.sleep(0.2)

    def health(self) -> httpx.Response:
        return httpx.get(f"{self.url}/health", timeout=5)

    def wait_for_stage(self, version: str, stage: str) -> None:
        def there() -> bool:
            found = json.loads(self.run("get", "versions", "-o", "json").stdout)
            stages = {
                each["spec"]["version"]: each.get("status", {}).get("stage", "Training") for each in found["items"]
            }
            return stages[version] == stage

        self.wait_until(there, self.run("explain", version).stdout)

    def stages_in_the_registry(self, version: str) -> list[str]:
        events = json.loads(self.run("history", version, "--registry", "--json").stdout)
        return [event["to"] for event in events]

    def kept_of_the_evaluation(self, version: str) -> set[str]:
        """The files of the version's evaluation in MLflow; empty while there is no run of it."""
        api = f"{Home(self.home).running_registry()}/api/2.0/mlflow"
        named = httpx.get(
            f"{api}/experiments/get-by-name", params={"experiment_name": "recipe-evaluations"}, timeout=10
        )
        if named.status_code == 404:
            return set()
        wanted = {
            "experiment_ids": [named.json()["experiment"]["experiment_id"]],
            "filter": f"tags.`recipes.version` = '{version}' and tags.`recipes.dataset` LIKE 'sha256:%'",
        }
        runs = httpx.post(f"{api}/runs/search", json=wanted, timeout=10).json().get("runs", [])
        files = [
            httpx.get(
                f"{api}/artifacts/list", params={"run_id": run["info"]["run_id"], "path": "evaluation"}, timeout=10
            )
            for run in runs
        ]
        return {Path(file["path"]).name for answer in files for file in answer.json().get("files", [])}

    def recommend(self, **body):
        answer = httpx.post(f"{self.url}/recommend", json=body, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()


def manifests(folder: Path, version: str, trace: str) -> Path:
    """A Model in a hurry, and a version: steps of two seconds, and gates that a busy test machine passes."""
    path = folder / "next.yaml"
    path.write_text(
        f"""
apiVersion: mlops.recipe-recommender.io/v1alpha1
kind: Model
metadata: {{name: recipes}}
spec:
  evaluation:
    replay: {{queries: 0}}
  rollout:
    steps: [{{weight: 20, pauseSeconds: 2}}, {{weight: 60, pauseSeconds: 2}}]
    analysis:
      intervalSeconds: 1
      windowSeconds: 10
      confidence: "0"
      failureLimit: 3
      gates:
      - {{metric: error-rate, threshold: "0.01", minSamples: 3}}
      - {{metric: latency-p95-ms, threshold: "5000", minSamples: 3}}
  rollback: {{bakeSeconds: 60}}
---
apiVersion: mlops.recipe-recommender.io/v1alpha1
kind: ModelVersion
spec: {{model: recipes, version: {version}, lineage: {{trace: {trace}}}}}
""",
        encoding="utf-8",
    )
    return path


def stop(process: subprocess.Popen[str]) -> str:
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return errors


@pytest.fixture(scope="module")
def laptop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("laptop")
    corpus = folder / "mine.csv"
    lines = [
        "title,ingredients,minutes",
        *(f'"{r.title}","{"|".join(r.ingredients)}",{r.minutes or ""}' for r in KITCHEN),
    ]
    corpus.write_text("\n".join([*lines, '"no ingredients","",5']) + "\n", encoding="utf-8")
    laptop = Laptop(folder / "home")
    imported = laptop.run("import", str(corpus), "--json")
    assert imported.returncode == 0, imported.stderr
    report = json.loads(imported.stdout)
    assert (report["added"], report["rejected"], report["corpus"]) == (len(KITCHEN), 1, len(KITCHEN))
    with trace_collector() as (url, received):
        laptop.environment |= {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_METRICS_EXPORTER": "none"}
        laptop.received = received
        yield laptop


def test_a_newcomer_gets_answers_and_the_six_endpoints(laptop):
    process = laptop.up()
    try:
        laptop.wait_until_healthy(process)
        laptop.wait_until(lambda: httpx.get(f"{laptop.url}/models", timeout=10).status_code == 200, "registry")
        english = laptop.recommend(query="lentil soup", k=3)
        assert (english["recipes"][0]["title"], english["version"]) == ("Lentil soup", "1.0.0")
        assert laptop.recommend(query="sopa de lentejas sin apio", k=3)["language"] == "es"
        assert all("egg" not in str(r["ingredients"]) for r in laptop.recommend(query="cake without eggs")["recipes"])
        feedback = {"recommendation_id": english["recommendation_id"], "clicked": [english["recipes"][0]["id"]]}
        assert httpx.post(f"{laptop.url}/feedback", json=feedback, timeout=10).status_code == 202
        (version,) = httpx.get(f"{laptop.url}/models", timeout=10).json()["models"]
        assert (version["version"], version["stage"]) == ("1.0.0", "Production")
        production = httpx.get(f"{laptop.url}/models/recipes/production", timeout=10).json()
        assert production["digest"] == version["digest"]
        assert httpx.get(f"{laptop.url}/models/nobody/production", timeout=10).status_code == 404
        rollout: dict[str, Any] = {}

        def decided() -> bool:
            rollout.update(httpx.get(f"{laptop.url}/models/recipes/rollout", timeout=10).json())
            return (rollout["production"], rollout["versions"][0]["stage"]) == ("1.0.0", "Production")

        laptop.wait_until(decided, "the status follows the registry, which is written first")
        assert {gate["phase"] for gate in rollout["versions"][0]["gates"]} >= {"evaluation"}
        assert httpx.get(f"{laptop.url}/models/nobody/rollout", timeout=10).status_code == 404
        page = httpx.post(f"{laptop.url}/search", data={"query": "lentil soup"}, headers={"accept": "text/html"},
                          timeout=30).text  # fmt: skip
        assert "Lentil soup" in page
        assert "<strong>1.0.0</strong>" in page
        check = httpx.post(f"{laptop.url}/retrain/check", json={}, timeout=10).json()
        assert check["retrain"] is False
        assert any("days since training < 7 days" in reason for reason in check["reasons"]), check
        assert "recipes_model_info" in httpx.get(f"{laptop.url}/metrics", timeout=10).text
        statistics = httpx.get(f"{laptop.url}/metrics", params={"window_minutes": 5}, timeout=10).json()
        assert statistics["metrics"]["api_latency_ms"]["count"] >= 3
        assert laptop.run("up").returncode == 4, "a second process over the same home"
    finally:
        errors = stop(process)
    assert "curl -s" in errors


def test_started_again_a_new_version_goes_out_step_by_step_and_back_without_a_lost_request(laptop, tmp_path):
    """The person who has a version, and then the one on call: apply, watch it go out, roll it back, explain, pin."""
    process = laptop.up()
    try:
        laptop.wait_until_healthy(process)
        assert laptop.recommend(query="soup", k=1)["version"] == "1.0.0"
        laptop.wait_until(lambda: httpx.get(f"{laptop.url}/models", timeout=10).status_code == 200, "registry")
        trained = laptop.run("train", "--register", "--version", "1.1.0", "--json")
        assert trained.returncode == 0, trained.stderr
        training = json.loads(trained.stdout)["trace"]
        again = laptop.run("train", "--register", "--version", "1.1.0")
        assert (again.returncode, "nothing was trained" in again.stderr) == (0, True), again.stderr
        refused = laptop.run("promote", "1.1.0")
        assert refused.returncode == 4
        assert "recipes apply" in refused.stderr
        with Load(laptop.url) as load:
            applied = laptop.run("apply", "-f", str(manifests(tmp_path, "1.1.0", training)))
            assert applied.returncode == 0, applied.stderr
            assert applied.stdout.splitlines()[-1] == "modelversion/recipes-1-1-0 created"
            laptop.wait_for_stage("1.1.0", "Production")
            laptop.wait_until(lambda: laptop.recommend(query="soup", k=1)["version"] == "1.1.0", "promotion")
            back = laptop.run("rollback")
            assert back.returncode == 0, back.stderr
            laptop.wait_for_stage("1.1.0", "Archived")
            laptop.wait_until(lambda: laptop.recommend(query="soup", k=1)["version"] == "1.0.0", "rollback")
        assert load.failed == []
        assert load.answered > 20
        told = laptop.run("explain", "1.1.0").stdout
        assert "Archived" in told
        assert "latency-p95-ms" in told
        replayed = laptop.run("replay", "1.1.0")
        assert replayed.returncode == 0, replayed.stdout + replayed.stderr
        laptop.wait_until(lambda: laptop.stages_in_the_registry("1.1.0")[-1] == "Archived", "registry follows")
        expected = ["Training", "Validation", "Staging", "Production", "Archived"]
        assert laptop.stages_in_the_registry("1.1.0") == expected
        laptop.wait_until(lambda: laptop.kept_of_the_evaluation("1.1.0") >= KEPT, "what is kept of the evaluation")
    finally:
        stop(process)
    rollout = laptop.received.trace_of("rollout of recipes 1.1.0")
    whole = rollout["rollout of recipes 1.1.0"]
    (link,) = whole.links
    assert training.startswith(f"00-{link.trace_id.hex()}-{link.span_id.hex()}-"), "it leads to what trained it"
    assert {"VerifyingArtifact", "Evaluating", "evaluation", "Analysing", "Baking"} <= rollout.keys()
    assert {span.parent_span_id for span in rollout.values()} == {b"", whole.span_id}
    phases = laptop.received.trace_of("train", trace=link.trace_id)
    assert {"embed", "index", "evaluate"} <= phases.keys()
    assert phases["embed"].parent_span_id == link.span_id
    lines = [line for path in Home(laptop.home).logs.glob("mlops_*.log") for line in path.read_text().splitlines()]
    rounds = [each for line in lines if (each := json.loads(line))["event"] == "round"]
    assert {"VerifyArtifact", "StartEvaluation", "SetTraffic", "MoveAlias"} <= {
        act for each in rounds for act in each["acts"]
    }


def test_a_killed_service_starts_again(laptop):
    process = laptop.up()
    laptop.wait_until_healthy(process)
    process.kill()
    process.communicate()
    again = laptop.up()
    try:
        laptop.wait_until_healthy(again)
        assert laptop.recommend(query="soup", k=1)["version"] == "1.0.0"
    finally:
        stop(again)


def test_a_damaged_artefact_is_named_and_not_served(laptop):
    folder = Home(laptop.home).production().folder
    rows = folder / "rows.jsonl"
    content = rows.read_bytes()
    rows.write_bytes(content.replace(b"Lentil", b"Lentol", 1))
    try:
        done = laptop.run("up")
        assert done.returncode == 6
        assert "rows.jsonl is damaged: digest sha256:" in done.stderr
        doctor = laptop.run("doctor")
        assert doctor.returncode == 1
    finally:
        rows.write_bytes(content)


class Load:
    """One client that asks without pause, and what it could not get."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answered = 0
        self.failed: list[str] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        self._thread.join()

    def _ask(self) -> None:
        with httpx.Client(base_url=self.url, timeout=30) as client:
            while not self._stopping.wait(0.02):
                body = {"query": "soup", "k": 1, "user_id": f"user-{self.answered % 97}"}
                answer = client.post("/recommend", json=body)
                if answer.status_code == 200:
                    self.answered += 1
                else:
                    self.failed.append(answer.text)
