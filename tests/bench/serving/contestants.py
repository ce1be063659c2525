"""Who takes part: how each server is started, asked, and understood. All serve the same recipes on this machine."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from mlops.retrieval.encoder_source import find_encoder
from tests.bench.serving.artefacts import MODEL
from tests.bench.serving.cache import PEERS, peer_python

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT = Path(__file__).parents[3]
CORES = os.cpu_count() or 1
NAIVE, RECOMMEND, PREDICT = "naive", "ours", "ours-v1"
# Each in one process, and in as many as there are cores: which of the two is quicker depends on how many ask at once.
BEST_OF = ("mlserver", "litserve", "bentoml", "litserve-wide", "bentoml-wide", "mlserver-wide")
# MLServer's pool of two ended at its start wherever it was tried, and BentoML's two were not tried: only by `--who`.
USUAL = (NAIVE, "mlserver", "litserve", "bentoml", "litserve-wide", RECOMMEND)
LABELS = {
    NAIVE: "naive",
    "mlserver": "MLServer",
    "mlserver-wide": "MLServer, a process a core",
    "litserve": "LitServe",
    "litserve-wide": "LitServe, a process a core",
    "bentoml": "BentoML",
    "bentoml-wide": "BentoML, a process a core",
    RECOMMEND: "**ours**, `POST /recommend`",
    PREDICT: "**ours**, V1 `:predict`",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way of asking a server: the path, the body of a query, and the ids in its answer."""

    name: str
    path: str
    body: Callable[[str], bytes]
    ids: Callable[[bytes], list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """A server: its command for a port and a folder of scratch files, its environment, and the ways to ask it."""

    name: str
    ways: tuple[Way, ...]
    command: Callable[[int, Path], list[str]]
    environment: Mapping[str, str] = field(default_factory=dict)


def contestants(artefact: Path, served: Path) -> tuple[Contestant, ...]:
    """Everybody, with what they serve."""
    shared = {"BENCH_MODEL": str(served), "PYTHONPATH": str(PEERS)}
    return (
        _naive(shared | {"BENCH_ENCODER": str(find_encoder().folder)}),
        _mlserver("mlserver", 0, shared),
        _litserve("litserve", 1, shared),
        _bentoml("bentoml", 1, shared),
        _mlserver("mlserver-wide", CORES, shared),
        _litserve("litserve-wide", CORES, shared),
        _bentoml("bentoml-wide", CORES, shared),
        ours(artefact),
    )


def ours(artefact: Path) -> Contestant:
    """The predictor as it ships: every request checked, filtered, logged, measured, and what was shown kept."""

    def command(port: int, scratch: Path) -> list[str]:
        return [
            sys.executable, "-m", "predictor", "--artifact", str(artefact), "--model-name", MODEL, "--host", "127.0.0.1",
            "--http-port", str(port), "--grpc-port", "0", "--feedback-folder", str(scratch / "feedback"),
        ]  # fmt: skip

    return Contestant(
        name=RECOMMEND,
        ways=(
            Way(
                name=RECOMMEND, path="/recommend", body=_plain,
                ids=lambda answer: _ids(orjson.loads(answer)),
            ),
            Way(
                name=PREDICT, path=f"/v1/models/{MODEL}:predict", body=_instances,
                ids=lambda answer: _ids(orjson.loads(answer)["predictions"][0]),
            ),
        ),
        command=command,
    )  # fmt: skip


def _naive(environment: dict[str, str]) -> Contestant:
    way = Way(
        name=NAIVE, path="/v1/models/naive:predict",
        body=_instances, ids=lambda answer: _ids(orjson.loads(answer)["predictions"][0]),
    )  # fmt: skip
    return Contestant(
        name=NAIVE,
        ways=(way,),
        command=lambda port, _: [
            str(peer_python("naive")), str(PEERS / "naive_server.py"), "--http_port", str(port),
        ],
        environment=environment,
    )  # fmt: skip


def _mlserver(name: str, workers: int, environment: dict[str, str]) -> Contestant:
    """`workers` processes beside the server's own; 0: the model runs in that one."""

    def command(port: int, scratch: Path) -> list[str]:
        settings = {
            "host": "127.0.0.1", "http_port": port, "grpc_port": port + 1000, "metrics_port": port + 2000,
            "parallel_workers": workers, "debug": False, "metrics_dir": str(scratch),
        }  # fmt: skip
        folder = scratch / name
        folder.mkdir(exist_ok=True)
        (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
        model = {"name": MODEL, "implementation": "mlserver_runtime.Runtime"}
        (folder / "model-settings.json").write_text(json.dumps(model), encoding="utf-8")
        return [str(peer_python("mlserver").with_name("mlserver")), "start", str(folder)]

    return Contestant(
        name=name,
        ways=(
            Way(
                name=name, path=f"/v2/models/{MODEL}/infer", body=_tensor,
                ids=lambda answer: _ids(orjson.loads(orjson.loads(answer)["outputs"][0]["data"][0])),
            ),
        ),
        command=command,
        environment=environment,
    )  # fmt: skip


def _litserve(name: str, workers: int, environment: dict[str, str]) -> Contestant:
    way = Way(name=name, path="/predict", body=_plain, ids=_ids_of_body)
    return Contestant(
        name=name,
        ways=(way,),
        command=lambda port, _: [
            str(peer_python("litserve")), str(PEERS / "litserve_server.py"), str(port), str(workers),
        ],
        environment=environment,
    )  # fmt: skip


def _bentoml(name: str, workers: int, environment: dict[str, str]) -> Contestant:
    way = Way(name=name, path="/recommend", body=_plain, ids=_ids_of_body)
    return Contestant(
        name=name,
        ways=(way,),
        command=lambda port, _: [
            str(peer_python("bentoml").with_name("bentoml")), "serve", "bentoml_service:Recipes", "--working-dir",
            str(PEERS), "--host", "127.0.0.1", "--port", str(port),
        ],
        environment=environment | {"BENTOML_DO_NOT_TRACK": "True", "BENCH_WORKERS": str(workers)},
    )  # fmt: skip


def _plain(query: str) -> bytes:
    return orjson.dumps({"query": query})


def _instances(query: str) -> bytes:
    return orjson.dumps({"instances": [{"query": query}]})


def _tensor(query: str) -> bytes:
    return orjson.dumps({"inputs": [{"name": "query", "shape": [1], "datatype": "BYTES", "data": [query]}]})


def _ids_of_body(answer: bytes) -> list[str]:
    return _ids(orjson.loads(answer))


def _ids(answer: dict[str, Any]) -> list[str]:
    return [recipe["id"] for recipe in answer["recipes"]]
