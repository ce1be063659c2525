"""Fine-tunes the encoder itself with MultipleNegativesRankingLoss; alone in importing torch.

Not part of a retraining: it takes hours for a large corpus, and every recipe has to be embedded anew. Its result is a
folder that `recipes train --encoder` takes. Reference: Henderson et al. 2017; Reimers & Gurevych 2019.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

from mlops.errors import Conflict, Invalid

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from mlops.artifact.builder import Progress

PROGRESS_FILE = "fine_tuning.json"
WARM_UP = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class FineTuning:
    """How to train. A batch is one list of alternatives: larger ones are harder, and better."""

    epochs: int = 1
    batch: int = 32
    rate: float = 2e-5
    seed: int = 0
    threads: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class FineTuned:
    """The mean loss of each epoch, those of an earlier run that was taken up included."""

    losses: tuple[float, ...]
    pairs: int


def fine_tune(
    encoder: Path, pairs: Sequence[tuple[str, str]], out: Path, how: FineTuning, progress: Progress
) -> FineTuned:
    """Train the encoder in the folder `encoder` on `pairs`, and write it to the new folder `out`.

    After each epoch the encoder is kept in `OUT.partial`; called again with the same arguments, it goes on from there.
    Weights are safetensors. Raises Conflict where `out` is there, Invalid for fewer pairs than one batch.
    """
    if out.exists():
        raise Conflict(f"{out} exists", hint="name a new folder")
    if len(pairs) < how.batch:
        raise Invalid(f"{len(pairs)} pairs < {how.batch} of one batch", hint="name a smaller batch, or more feedback")
    partial = out.with_name(f"{out.name}.partial")
    asked = {**asdict(how), "pairs": len(pairs)}
    losses = _kept(partial, asked)
    torch.set_num_threads(how.threads)
    model = SentenceTransformer(str(partial if losses else encoder), device="cpu")
    for epoch in range(len(losses), how.epochs):
        losses.append(_epoch(model, pairs, how, epoch, progress))
        _keep(model, partial, {"asked": asked, "losses": losses})
    partial.rename(out)
    return FineTuned(losses=tuple(losses), pairs=len(pairs))


def _epoch(
    model: SentenceTransformer, pairs: Sequence[tuple[str, str]], how: FineTuning, epoch: int, progress: Progress
) -> float:
    torch.manual_seed(how.seed * 1_000 + epoch)
    order = torch.randperm(len(pairs)).tolist()
    batches = list(_batches([pairs[place] for place in order], how.batch))
    loss_of = MultipleNegativesRankingLoss(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=how.rate)
    warm = max(int(WARM_UP * len(batches)), 1)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min((step + 1) / warm, 1.0))
    model.train()
    total = 0.0
    for done, batch in enumerate(batches, start=1):
        loss = loss_of([model.preprocess([pair[side] for pair in batch]) for side in (0, 1)], None)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        total += float(loss.detach())
        progress(f"fine-tune, epoch {epoch + 1} of {how.epochs}", done, len(batches))
    return total / len(batches)


def _batches(pairs: Sequence[tuple[str, str]], size: int) -> Iterator[Sequence[tuple[str, str]]]:
    """Whole batches: a short one would have fewer alternatives, and a loss that does not compare."""
    for start in range(0, len(pairs) - size + 1, size):
        yield pairs[start : start + size]


def _kept(partial: Path, asked: dict[str, object]) -> list[float]:
    """The losses of the epochs that an earlier run of the same kind completed."""
    try:
        document = json.loads((partial / PROGRESS_FILE).read_bytes())
    except (FileNotFoundError, ValueError):
        return []
    return list(document["losses"]) if document["asked"] == asked else []


def _keep(model: SentenceTransformer, partial: Path, document: dict[str, object]) -> None:
    fresh = partial.with_name(f"{partial.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    model.save_pretrained(str(fresh), create_model_card=False, safe_serialization=True)
    (fresh / PROGRESS_FILE).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    shutil.rmtree(partial, ignore_errors=True)
    fresh.rename(partial)
