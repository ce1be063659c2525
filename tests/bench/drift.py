"""How often `recipes drift` finds what changed, and cries at what did not: `make bench-drift`, on ../shared/data.

Streams are drawn from the development queries, with the titles of recipes among them where a case says so. A window of
300 and one of 2,000 queries is compared with a reference of 2,000, `DRAWS` times each; and its queries are sent one
after the other through the window that adapts.
"""

from __future__ import annotations

import gzip
import json
import random
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from mlops.drift.comparing import compare
from mlops.drift.stream import changes
from mlops.drift.stream_detector import AdaptiveWindow
from mlops.drift.windows import QueryEvent, Window
from mlops.retrieval.encoder import Encoder
from mlops.retrieval.encoder_source import find_encoder, write_encoder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Draw = Callable[[random.Random, float], tuple[str, str]]

DATA = Path(__file__).parents[3] / "shared" / "data"
DRAWS = 8
REFERENCE, SIZES = 2_000, (300, 2_000)
SWEETS = ("cake", "sweet", "pudding", "dessert", "pie", "ice cream", "tart", "biscuit")


class Streams:
    """The development queries as (English, Spanish) pairs, and draws from them."""

    def __init__(self, queries: Sequence[dict[str, str]], titles: Sequence[str]) -> None:
        self.every = [(each["text_en"], each.get("text_es")) for each in queries if each.get("text_en")]
        self.sweet = [pair for pair in self.every if any(word in pair[0].lower() for word in SWEETS)]
        self.short = [pair for pair in self.every if len(pair[0].split()) <= 4]
        self.titles = [(title, None) for title in titles]
        self.rank = [1 / place for place in range(1, len(self.every) + 1)]

    def of(self, part: Sequence[tuple[str, str | None]], share: Callable[[float], float], spanish: float = 0.3) -> Draw:
        """Draw from `part` with a share that depends on the place in the window, else from all."""

        def draw(rng: random.Random, place: float) -> tuple[str, str]:
            english, other = rng.choice(part if rng.random() < share(place) else self.every)
            return (other, "es") if other and rng.random() < spanish else (english, "en")

        return draw

    def often(self, rng: random.Random, _: float) -> tuple[str, str]:
        """A few queries again and again: the n-th one 1/n as often as the first."""
        return rng.choices(self.every, self.rank)[0][0], "en"


def main() -> int:
    """Print the table."""
    if not DATA.exists():
        sys.stderr.write(f"{DATA} is not here: this is measured on the development queries alone\n")
        return 0
    streams = Streams(rows("dev_queries"), [row["title"] for row in rows("recipes_small")])
    usual = streams.of(streams.every, lambda _: 0)
    cases: dict[str, tuple[Draw, Draw]] = {
        "the same": (usual, usual),
        "the same, mostly titles": (streams.of(streams.titles, lambda _: 0.7),) * 2,
        "the same, few queries again and again": (streams.often, streams.often),
        "Spanish from 30 to 45 %": (usual, streams.of(streams.every, lambda _: 0, spanish=0.45)),
        "Spanish from 30 to 75 %": (usual, streams.of(streams.every, lambda _: 0, spanish=0.75)),
        "20 % of them about sweets": (usual, streams.of(streams.sweet, lambda _: 0.2)),
        "30 % of them about sweets": (usual, streams.of(streams.sweet, lambda _: 0.3)),
        "50 % of them about sweets": (usual, streams.of(streams.sweet, lambda _: 0.5)),
        "sweets growing from 0 to 60 %": (usual, streams.of(streams.sweet, lambda place: 0.6 * place)),
        "60 % of them short": (usual, streams.of(streams.short, lambda _: 0.6)),
    }
    with TemporaryDirectory() as folder:
        write_encoder(find_encoder(), Path(folder) / "encoder")
        encode = remembering(Encoder.load(Path(folder) / "encoder", threads=2))
        heads = [f"{what} at {size}" for size in SIZES for what in ("called drift", "changed in the stream")]
        sys.stdout.write(f"| window | {' | '.join(heads)} |\n|---|{'---|' * len(heads)}\n")
        for name, (before, now) in cases.items():
            cells = []
            for size in SIZES:
                found = [drawn(before, now, size, seed, encode) for seed in range(DRAWS)]
                cells += [f"{sum(said)} of {DRAWS}" for said in zip(*found, strict=True)]
            sys.stdout.write(f"| {name} | {' | '.join(cells)} |\n")
            sys.stdout.flush()
    return 0


def rows(name: str) -> list[dict[str, str]]:
    """The rows of a file of the shared data."""
    with gzip.open(DATA / f"{name}.jsonl.gz") as lines:
        return [json.loads(line) for line in lines]


def drawn(
    before: Draw, now: Draw, size: int, seed: int, encode: Callable[[Sequence[str]], np.ndarray]
) -> tuple[bool, bool]:
    """Compare one draw of each: whether the windows differ, and whether the stream changed."""
    rng = random.Random(seed)
    reference, current = window(before, REFERENCE, rng), window(now, size, rng)
    changed = changes(reference, current, AdaptiveWindow, encode=encode)
    return compare(reference, current, encode=encode).drift, bool(changed)


def window(draw: Draw, size: int, rng: random.Random) -> Window:
    events = []
    for place in range(size):
        text, language = draw(rng, place / size)
        events.append(QueryEvent(query=text, language=language, at=None, fields={}))
    return Window(events=tuple(events), left_out={})


def remembering(encoder: Encoder) -> Callable[[Sequence[str]], np.ndarray]:
    """The encoder, asked once for each text."""
    known: dict[str, np.ndarray] = {}

    def encode(texts: Sequence[str]) -> np.ndarray:
        new = [text for text in texts if text not in known]
        known.update(zip(new, encoder.encode(new), strict=True))
        return np.stack([known[text] for text in texts])

    return encode


if __name__ == "__main__":
    sys.exit(main())
