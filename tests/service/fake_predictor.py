"""`python -m tests.service.fake_predictor …`: the predictor process with a made-up model in it.

The rest of the process is the real one. FAKE_LOAD_SECONDS delays loading, FAKE_LOAD_FAILS fails it, FAKE_ANSWER_SECONDS
slows each answer, FAKE_SPLIT ("1.0.0=50 1.1.0=50") serves several versions from the start, FAKE_ROLLOUT has it know of a canary, and FAKE_MODULES names a file that gets the names of the modules imported by the time it stops.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from mlops.errors import Permanent
from mlops.status_page.rollout import GateLine, Rollout, VersionLine
from predictor.ports import Ports
from predictor.process import serve
from predictor.settings import Settings
from predictor.slot import Share, Slot
from tests.fakes.recommender import fake_model


def load():
    time.sleep(float(os.environ.get("FAKE_LOAD_SECONDS", "0")))
    if "FAKE_LOAD_FAILS" in os.environ:
        raise Permanent("vectors.npy: sha256 is ab12, the manifest says cd34", hint="fetch the artefact again")
    return fake_model(seconds=float(os.environ.get("FAKE_ANSWER_SECONDS", "0")))


def rollout(model):
    gates = (
        GateLine(phase="evaluation", metric="ndcg@10", verdict="Passed", told="0.82 >= 0.81"),
        GateLine(phase="canary", metric="error-rate", verdict="Passed", told="0.001 < 0.02"),
        GateLine(phase="canary", metric="latency-p95", verdict="Inconclusive", told="31 samples of 50"),
    )
    production = VersionLine(version="1.0.0", stage="Production", reason="InProduction", message="", weight=80)
    canary = VersionLine(version="1.1.0", stage="Staging", reason="Analysing", message="waits for 19 more samples",
                         weight=20, progress="step 1 of 2", gates=gates)  # fmt: skip
    return Rollout(model=model, reason="Canary", production="1.0.0", versions=(production, canary))


def split():
    slot = Slot()
    shares = [share.split("=") for share in os.environ.get("FAKE_SPLIT", "").split()]
    if shares:
        slot.serve([Share(fake_model(version), int(weight)) for version, weight in shares])
    return slot


if __name__ == "__main__":
    slot = split()
    settings = Settings(_cli_parse_args=["--artifact", "unused", *sys.argv[1:]])
    ports = Ports(rollout=rollout) if "FAKE_ROLLOUT" in os.environ else None
    code = serve(settings, None if slot.serving else load, slot=slot, ports=ports)
    if modules := os.environ.get("FAKE_MODULES"):
        Path(modules).write_text("\n".join(sorted(sys.modules)), encoding="utf-8")
    sys.exit(code)
