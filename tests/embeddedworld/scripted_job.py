"""The process of a job whose findings a scenario wrote down: everything about it is real but what it measures."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from mlops.embedded.database import Database
from mlops.embedded.job_processes import AlreadyRunning, only_process_of
from mlops.embedded.job_table import JobTable

RUNS = "runs.txt"
SAMPLES = 200
LATENCY_MS = 50.0
SECONDS = 1.5  # scenarios act while a job runs: one that is over at once cannot be aborted


def main() -> None:
    state, name = Path(sys.argv[1]), sys.argv[2]
    with Database.open(state) as database:
        table = JobTable(database)
        try:
            with only_process_of(state.parent / "jobs", name):
                job = table.begin(name)
                if job.done:
                    return
                with (state.parent / RUNS).open("a") as runs:
                    runs.write(f"{name}\n")
                time.sleep(SECONDS)
                while behaviour(state, job.version).get("evaluation") == "hangs":
                    time.sleep(0.05)
                table.finish(name, answer(state, job.version, job.spec["ask"]), datetime.now(UTC))  # noqa: TID251 - a process of its own
        except AlreadyRunning:
            return


def answer(state: Path, version: str, ask: dict) -> dict:
    if behaviour(state, version).get("evaluation") == "fails":
        return {"state": "Failed", "message": "out of memory"}
    samples = [sample(state, gate["metric"], version, ask["baseline"]) for gate in ask["gates"]]
    return {"state": "Succeeded", "digest": ask["digest"], "samples": samples}


def sample(state: Path, metric: str, version: str, baseline: str | None) -> dict:
    found = {"metric": metric, "value": value(state, metric, version), "samples": SAMPLES}
    return found | ({"baseline": value(state, metric, baseline)} if baseline else {})


def value(state: Path, metric: str, version: str) -> str:
    nothing_wrong = {"error-rate": 0.0, "latency-p95-ms": LATENCY_MS, "invalid-outputs": 0.0, "empty-rate": 0.0}
    return str(nothing_wrong.get(metric, behaviour(state, version).get("quality", 0.6)))


def behaviour(state: Path, version: str) -> dict:
    path = state.parent / "behaviours.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    return known.get(version, {})


if __name__ == "__main__":
    main()
