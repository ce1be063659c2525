"""A bit for each dimension of every vector: enough to find the few hundred that are worth multiplying out.

RaBitQ (Gao & Long, SIGMOD 2024): a vector less the corpus' mean, turned by a random rotation R, is kept as its signs s.
With r = R (v - mean), <q, v> = <q - mean, v - mean> + <mean, v> + what is the same for all v, and the first product is
estimated, without bias, by |r|^2 / |r|_1 * <R (q - mean), s>.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from mlops.errors import TRAIN_AGAIN, Permanent
from mlops.kernel.operands import LANES, WORD, Sketches, aligned

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)
BITS_FILE, NUMBERS_FILE, TURN_FILE = "bits.npy", "numbers.npy", "turn.npy"
_BATCH = 8192
# Vectors whose words are kept side by side.
BLOCK = 8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SketchBook:
    """Sketches as they are kept: `bits` uint64 (blocks, words, BLOCK), padded to whole blocks.

    `numbers` float32 (2, blocks * BLOCK): factors and centres. `turn` float32 (dimension + 1, dimension): the rotation,
    and the mean last.
    """

    bits: NDArray[np.uint64]
    numbers: NDArray[np.float32]
    turn: NDArray[np.float32]

    @classmethod
    def load(cls, folder: Path, count: int, dimension: int) -> SketchBook:
        """Map what `save` wrote for `count` vectors of `dimension`.

        Raises Permanent for what cannot be read or does not fit: the kernel trusts every size.
        """
        try:
            bits = np.load(folder / BITS_FILE, mmap_mode="r", allow_pickle=False)
            numbers, turn = (np.load(folder / name, allow_pickle=False) for name in (NUMBERS_FILE, TURN_FILE))
        except (OSError, ValueError, EOFError) as error:
            raise Permanent(f"the sketches in {folder} cannot be loaded: {error}", hint=TRAIN_AGAIN) from error
        blocks = -(-count // BLOCK)
        wanted = (
            ((blocks, dimension // WORD, BLOCK), np.uint64),
            ((2, blocks * BLOCK), np.float32),
            ((dimension + 1, dimension), np.float32),
        )
        if not sketchable(dimension) or any(
            (array.shape, array.dtype) != each or not array.flags.c_contiguous
            for array, each in zip((bits, numbers, turn), wanted, strict=True)
        ):
            raise Permanent(f"the sketches in {folder} are not of {count} vectors of {dimension}", hint=TRAIN_AGAIN)
        return cls(bits=bits, numbers=numbers, turn=turn)

    def save(self, folder: Path) -> None:
        """Write three arrays into `folder`, which is made."""
        folder.mkdir()
        for name, array in ((BITS_FILE, self.bits), (NUMBERS_FILE, self.numbers), (TURN_FILE, self.turn)):
            np.save(folder / name, array, allow_pickle=False)

    def laid_out(self) -> Sketches:
        """Copy them in the order in which they are read: the first half of every sketch, then some of the rest."""
        half = max(self.bits.shape[1] // 2, 1)
        by_vector = self.bits.transpose(0, 2, 1).reshape(-1, self.bits.shape[1])
        first = _side_by_side(np.ascontiguousarray(by_vector[:, :half]).view(np.uint32))
        # What pads the last block becomes infinite, which is never found.
        with np.errstate(over="ignore"):
            numbers = _side_by_side(self.numbers.astype(np.float16).T)
        return Sketches(first=first, rest=aligned(by_vector[:, half:]), numbers=numbers, turn=self.turn)


def _side_by_side(rows: NDArray[T]) -> NDArray[T]:
    """Lay rows of one number or more, (vectors, n), as (blocks, n, LANES), padded with nothings."""
    padded = np.pad(rows, ((0, -len(rows) % LANES), (0, 0)))
    return aligned(padded.reshape(-1, LANES, rows.shape[1]).transpose(0, 2, 1))


def sketchable(dimension: int) -> bool:
    """Tell whether vectors of `dimension` fill whole words."""
    return dimension % WORD == 0


def sketch(vectors: NDArray[np.float32], seed: int) -> SketchBook:
    """Sketch `vectors`, float32 (vectors, dimension), by a rotation drawn from `seed`."""
    count, dimension = vectors.shape
    # In the order of rows and by float64: the same on every machine.
    mean = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    rotation = np.linalg.qr(np.random.default_rng(seed).standard_normal((dimension, dimension)))[0].astype(np.float32)
    blocks = -(-count // BLOCK)
    bits = np.zeros((blocks * BLOCK, dimension // 8), dtype=np.uint8)
    factors, centres = (np.zeros(blocks * BLOCK, dtype=np.float32) for _ in range(2))
    # What pads the last block must never be found.
    centres[count:] = np.finfo(np.float32).min / 2
    for start in range(0, count, _BATCH):
        batch = slice(start, min(start + _BATCH, count))
        turned = (vectors[batch] - mean) @ rotation.T
        bits[batch] = np.packbits(turned > 0, axis=1, bitorder="little")
        factors[batch] = (turned**2).sum(axis=1) / np.maximum(np.abs(turned).sum(axis=1), np.float32(1e-12))
        centres[batch] = vectors[batch] @ mean
    words = bits.view(np.uint64).reshape(blocks, BLOCK, dimension // WORD).transpose(0, 2, 1)
    return SketchBook(
        bits=np.ascontiguousarray(words),
        numbers=np.stack([factors, centres]),
        turn=np.concatenate([rotation, mean[None]]),
    )
