"""The vectors of a corpus: the same batches whoever computes them, and those that are done stay done.

A batch's vectors depend on its members (padding) and on nothing else: neither on the number of threads nor on who
computes it. So the corpus is cut into batches first and spread afterwards. They are computed in bfloat16 where the
kernel has it, which takes a third of the time; whoever begins decides, for all who help.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from mlops.artifact.kept_vectors import KeptVectors
from mlops.errors import Permanent
from mlops.kernel.library import kernel
from mlops.retrieval.bf16_encoder import Bf16Encoder
from mlops.retrieval.encoder import MODEL_FILE, RUNTIME, Encoder, batches
from mlops.retrieval.tokenizer import SETTINGS_FILE, TOKENIZER_FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from mlops.engines.port import Engine
    from mlops.kernel.library import Kernel

# What is lost at most when a worker dies: some seconds.
BATCHES_PER_PART = 8
FILES = (MODEL_FILE, TOKENIZER_FILE, SETTINGS_FILE)

Part = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeParts:
    """The task: the encoder's files by name, for a worker may be on another machine, and in which precision."""

    files: Mapping[str, bytes]
    bfloat16: bool
    threads: int = 1

    def open(self) -> Callable[[Part], NDArray[np.float32]]:
        """See `mlops.engines.port`. Raises Permanent where the precision is not to be had."""
        quick = _kernel_of_bfloat16() if self.bfloat16 else None
        if self.bfloat16 and quick is None:
            raise Permanent(
                "documents are being embedded in bfloat16, which is not to be had here",
                hint="embed on nodes of one kind: all of them with AVX-512 BF16 and the compiled kernel, or none",
            )
        with TemporaryDirectory() as name:
            folder = Path(name)
            for file, content in self.files.items():
                (folder / file).write_bytes(content)
            if quick is not None and (rounded := Bf16Encoder.load(folder, quick, threads=self.threads)) is not None:
                return rounded.encode
            encoder = Encoder.load(folder, threads=self.threads)
        return lambda part: np.concatenate([encoder.encode_batch(batch) for batch in part])


def embed(
    texts: Sequence[str],
    encoder: Path,
    *,
    engine: Engine,
    threads: int,
    kept: Path | None,
    progress: Callable[[int], None],
) -> NDArray[np.float32]:
    """Return float32 (texts, dimension), rows of L2 norm 1; `encoder` is the folder of one.

    Parts are kept below the folder `kept`, so that an embedding that was cut short goes on where it was; None keeps
    nothing. Raises Permanent for a damaged encoder or a full disk, and what the engine raises.
    """
    bfloat16 = _kernel_of_bfloat16() is not None
    task = EncodeParts(
        files={name: (encoder / name).read_bytes() for name in FILES}, bfloat16=bfloat16, threads=threads
    )
    runtime = f"{RUNTIME}, bfloat16" if bfloat16 else RUNTIME
    order = batches(texts)
    places = [order[start : start + BATCHES_PER_PART] for start in range(0, len(order), BATCHES_PER_PART)]
    store = KeptVectors.of(kept, [runtime.encode(), *task.files.values(), *(text.encode() for text in texts)])
    parts = {number: found for number in range(len(places)) if (found := store.get(number)) is not None}
    done = sum(len(found) for found in parts.values())
    progress(done)
    # The longest first: what is left at the end is short, and no worker is waited for.
    missing = [number for number in reversed(range(len(places))) if number not in parts]
    items = [tuple(tuple(texts[index] for index in batch) for batch in places[number]) for number in missing]
    for place, vectors in engine.spread(task, items):
        number = missing[place]
        parts[number] = vectors
        store.put(number, vectors)
        done += len(vectors)
        progress(done)
    dimension = parts[0].shape[1] if parts else 0
    result = np.zeros((len(texts), dimension), dtype=np.float32)
    for number, vectors in parts.items():
        result[np.concatenate(places[number])] = vectors
    return result


def _kernel_of_bfloat16() -> Kernel | None:
    quick = kernel()
    return quick if quick is not None and quick.has_bfloat16 else None
