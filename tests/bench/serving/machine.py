"""Where and when: the machine, what else it did, and the versions of all that took part."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from mlops.revision import code_revision
from tests.bench.serving import processes
from tests.bench.serving.cache import PEERS

_OURS = (
    "onnxruntime",
    "numpy",
    "tokenizers",
    "kserve",
    "uvicorn",
    "uvloop",
    "orjson",
    "faiss-cpu",
    "usearch",
    "numkong",
)
_THEIRS = {
    "naive": ("kserve", "sentence-transformers", "torch", "transformers"),
    "mlserver": ("mlserver", "onnxruntime", "faiss-cpu"),
    "litserve": ("litserve",),
    "bentoml": ("bentoml",),
}


def about(now: datetime | None = None) -> dict[str, Any]:
    """Everything that a reader must know to weigh the figures."""
    now = now or datetime.now(UTC)  # noqa: TID251 - the bench is its own composition root
    return {
        "date": now.strftime("%Y-%m-%d %H:%M UTC"),
        "revision": code_revision(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / (1 << 30)),
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "load_before": processes.load_average(),
        "versions": {"ours": _installed(), **{name: _pinned(name) for name in _THEIRS}},
        "wrk": _first_line("wrk", "-v"),
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _installed() -> str:
    found = []
    for name in _OURS:
        try:
            found.append(f"{name} {version(name)}")
        except ImportError:
            continue
    return ", ".join(found)


def _pinned(name: str) -> str:
    pins = dict(line.split("==") for line in (PEERS / f"{name}.txt").read_text(encoding="utf-8").split())
    return ", ".join(f"{package} {pins[package]}" for package in _THEIRS[name])


def _first_line(*command: str) -> str:
    # wrk says its version beside its usage, with an exit code of 1.
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return " ".join(done.stdout.splitlines()[0].split()[:2]) if done.stdout else "unknown"
