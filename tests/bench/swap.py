"""`make bench-swap`: a real promotion and a real rollback under 50 requests a second, and what the users felt.

Prints p99 before, while versions change, and the ratio; exit 1 when a request was lost or the ratio reaches 2.
The evaluation is over before the swap begins: what is timed is the change of who answers, and the loading before it.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlops.cli.console import answers
from tests.embeddedworld.users import Users
from tests.service.test_up import Laptop, stop

PER_SECOND = 50
CALM_SECONDS = 20
LIMIT = 2.0

MODEL = """
apiVersion: mlops.recipe-recommender.io/v1alpha1
kind: Model
metadata: {name: recipes}
spec:
  approval: {policy: Manual, separation: None}
  evaluation: {replay: {queries: 0}}
  rollout:
    steps: [{weight: 10, pauseSeconds: 3}, {weight: 50, pauseSeconds: 3}]
    analysis:
      intervalSeconds: 1
      windowSeconds: 10
      confidence: "0"
      gates: [{metric: error-rate, threshold: "0.01", minSamples: 5}]
  rollback: {bakeSeconds: 300}
"""
VERSION = """
apiVersion: mlops.recipe-recommender.io/v1alpha1
kind: ModelVersion
spec: {model: recipes, version: 1.1.0}
"""


@dataclass(frozen=True)
class Phase:
    """A stretch of time by the monotonic clock, in seconds."""

    name: str
    began: float
    ended: float

    def p99_ms(self, users: Users) -> float:
        taken = [seconds * 1000 for began, seconds in users.latencies if self.began <= began < self.ended]
        return float(np.percentile(taken, 99))


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        laptop = Laptop(Path(folder) / "home")
        process = laptop.up()
        try:
            laptop.wait_until_healthy(process)
            return report(*measured(laptop, Path(folder)))
        finally:
            stop(process)


def measured(laptop: Laptop, folder: Path) -> tuple[Users, list[Phase]]:
    """Train and judge a second version, then let users ask and change who answers them."""
    run(laptop, "train", "--out", str(folder / "next"), "--version", "1.1.0")
    run(laptop, "register", "--artifact", str(folder / "next"))
    for name, text in (("model", MODEL), ("version", VERSION)):
        (folder / f"{name}.yaml").write_text(text)
        run(laptop, "apply", "-f", str(folder / f"{name}.yaml"))
    laptop.wait_for_stage("1.1.0", "Staging")
    users = Users(laptop.url, PER_SECOND)
    users.start()
    phases = [phase("before", lambda: time.sleep(CALM_SECONDS))]
    run(laptop, "approve", "1.1.0")
    phases.append(phase("promotion", lambda: wait_for(laptop, "1.1.0")))
    run(laptop, "rollback")
    phases.append(phase("rollback", lambda: wait_for(laptop, "1.0.0")))
    users.stop()
    return users, phases


def phase(name: str, work) -> Phase:
    began = time.monotonic()
    work()
    return Phase(name, began, time.monotonic())


def wait_for(laptop: Laptop, version: str) -> None:
    """Until everybody is answered by the version: asked over HTTP, for a verb would take a core from what is timed."""
    for _ in range(600):
        traffic = json.loads(laptop.health().text)["traffic"]
        if [(each["version"], each["weight"]) for each in traffic] == [(version, 100)]:
            time.sleep(2)
            return
        time.sleep(0.2)
    raise SystemExit(f"{version} never answered everybody: {traffic}")


def run(laptop: Laptop, *arguments: str) -> None:
    done = laptop.run(*arguments)
    if done.returncode:
        raise SystemExit(f"recipes {' '.join(arguments)}: {done.stderr}{done.stdout}")


def report(users: Users, phases: list[Phase]) -> int:
    before = phases[0].p99_ms(users)
    ratios = []
    for each in phases:
        ratios.append(each.p99_ms(users) / before)
        answers.print(
            f"{each.name:<10} {each.ended - each.began:5.1f} s   p99 {each.p99_ms(users):6.1f} ms   {ratios[-1]:.2f} x"
        )
    failed = len(users.lost) + sum(users.failed.values())
    answers.print(f"{sum(users.answered.values())} requests answered, {dict(users.answered)}; {failed} lost or failed")
    return int(failed > 0 or max(ratios) >= LIMIT)


if __name__ == "__main__":
    sys.exit(main())
