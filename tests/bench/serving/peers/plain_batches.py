"""The plain way of three long jobs, by sentence-transformers: `python plain_batches.py JOB.json`, seconds as JSON.

Each time begins with the model loaded. BENCH_ENCODER names the folder of its weights.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

BATCH, SCALE, DEPTH = 32, 20.0, 100


def build(model: SentenceTransformer, job: dict[str, Any]) -> int:
    """Embed every recipe and keep the vectors."""
    np.save(Path(job["folder"]) / "plain.npy", model.encode(job["texts"], batch_size=BATCH))
    return len(job["texts"])


def evaluate(model: SentenceTransformer, job: dict[str, Any]) -> int:
    """Ask one query after the other, as a user would, and take NDCG@10 and MRR@10 of known items."""
    vectors = np.load(job["vectors"])
    gains, ranks = [], []
    for query, wanted in zip(job["queries"], job["wanted"], strict=True):
        order = np.argsort(-(vectors @ model.encode(query)))[:DEPTH]
        place = np.flatnonzero(order[:10] == wanted)
        gains.append(1 / np.log2(2 + place[0]) if len(place) else 0.0)
        ranks.append(1 / (1 + place[0]) if len(place) else 0.0)
    job["figures"] = {"ndcg@10": float(np.mean(gains)), "mrr@10": float(np.mean(ranks))}
    return len(job["queries"])


def retrain(model: SentenceTransformer, job: dict[str, Any]) -> int:
    """Fine-tune on what was clicked, other clicks of a batch as negatives; as many batches as the job holds."""
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-5)
    for start in range(0, len(job["pairs"]), BATCH):
        queries, texts = zip(*job["pairs"][start : start + BATCH], strict=True)
        left, right = (model(model.tokenize(list(side)))["sentence_embedding"] for side in (queries, texts))
        loss = torch.nn.functional.cross_entropy(SCALE * left @ right.T, torch.arange(len(queries)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return len(job["pairs"])


JOBS: dict[str, Callable[[SentenceTransformer, dict[str, Any]], int]] = {
    "build": build,
    "evaluate": evaluate,
    "retrain": retrain,
}

if __name__ == "__main__":
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    model = SentenceTransformer(os.environ["BENCH_ENCODER"], device="cpu")
    model.encode("warm up")
    began = time.perf_counter()
    done = JOBS[job["name"]](model, job)
    sys.stdout.write(json.dumps({"seconds": time.perf_counter() - began, "done": done}) + "\n")
