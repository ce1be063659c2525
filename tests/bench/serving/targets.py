"""What issue 11 asks for, as comparisons of figures of one run; pure. A target that was not measured is said to be open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.bench.serving.contestants import BEST_OF, NAIVE, RECOMMEND
from tests.bench.serving.figures import DISTINCT, ZIPF

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.serving.figures import Figure, Figures

JUDGED, LARGE = 100_000, 1_000_000
LEAST_OVERLAP, LEAST_FILTERED, MOST_LOST = 0.95, 0.95, 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """`reached` is None where the run did not measure it; `floor` marks those that fail the bench."""

    clause: str
    text: str
    wanted: str
    seen: str
    reached: bool | None
    floor: bool = False


def targets(figures: Figures) -> list[Target]:
    """Every target, in the order of the issue."""
    judged = _judged_size(figures)
    return [
        *_throughput(figures, judged),
        *_costs(figures, judged),
        *floors(figures),
        *_large(figures),
        *_overload(figures),
        *_profile(figures),
        *_batches(figures),
    ]


def floors(figures: Figures) -> Iterator[Target]:
    """What fails the bench: wrong answers and errors."""
    for row in figures.agreement:
        if row["way"] == RECOMMEND:
            least = LEAST_OVERLAP if row["among"] == "all" else LEAST_FILTERED
            what = "" if row["among"] == "all" else f", among {row['passed']:.0%} that pass a filter"
            yield _least(
                "3", f"overlap@10 with exact fp32, {row['size']:,} recipes{what}", least, row["overlap"], form="{:.3f}",
                floor=True,
            )  # fmt: skip
    for name in ("hybrid", "semantic"):
        served, exact = figures.quality.get(f"{name}, as served"), figures.quality.get(f"{name}, fp32")
        if served is not None and exact is not None:
            yield Target(
                clause="3", text=f"NDCG@10 lost to fp32, {name}", wanted=f"<= {MOST_LOST}",
                seen=f"{exact - served:+.4f} ({served:.4f}, fp32 {exact:.4f})", reached=exact - served <= MOST_LOST, floor=True,
            )  # fmt: skip
    errors = {cell.way: 0 for cell in figures.served}
    for cell, figure in figures.served.items():
        errors[cell.way] += figure.errors
    for way, count in errors.items():
        yield Target(
            clause="1", text=f"errors, {way}", wanted="0", seen=str(count), reached=count == 0, floor=True
        )  # fmt: skip


def _judged_size(figures: Figures) -> int:
    sizes = figures.sizes()
    return JUDGED if JUDGED in sizes or not sizes else sizes[-1]


def _throughput(figures: Figures, size: int) -> Iterator[Target]:
    def of(way: str, connections: int, traffic: str = DISTINCT) -> Figure | None:
        return figures.of(way, size, connections, traffic)

    ours, naive = of(RECOMMEND, 32), of(NAIVE, 32)
    yield _ratio("2", "throughput at 32, x naive", 45, _over(ours, naive, "per_second"))
    yield _share("2", "p99 at 32, of naive's", 30, _over(ours, naive, "p99_ms"))
    yield _share("2", "p50 at 1, of naive's", 20, _over(of(RECOMMEND, 1), of(NAIVE, 1), "p50_ms"))
    for connections in (1, 8, 32):
        best = best_of(figures, size, connections)
        name = "the best of the others" if best is None else f"the best of the others ({best})"
        found = None if best is None else of(best, connections)
        yield _ratio(
            "2", f"throughput at {connections}, x {name}", 1.8, _over(of(RECOMMEND, connections), found, "per_second")
        )
    yield _ratio(
        "2", "throughput at 32, Zipf traffic x distinct", 3, _over(of(RECOMMEND, 32, ZIPF), ours, "per_second")
    )


def best_of(figures: Figures, size: int, connections: int) -> str | None:
    """The peer with the highest throughput, None where none took part."""
    found = {name: figures.of(name, size, connections) for name in BEST_OF}
    rates = {name: figure.per_second for name, figure in found.items() if figure is not None}
    return max(rates, key=rates.__getitem__, default=None)


def _costs(figures: Figures, size: int) -> Iterator[Target]:
    steps = {row["step"]: row["mean_ms"] for row in figures.steps if row["size"] == size}
    alone = steps.get("embed", 0.0) + steps.get("search", 0.0)
    yield _most("2", "a whole answer, x embed + search of it", 1.4, steps["whole"] / alone if alone else None)
    ours, naive = (figures.part("starts", way=way, size=size) for way in (RECOMMEND, NAIVE))
    ratio = ours["seconds"] / naive["seconds"] if ours and naive else None
    yield _share("2", "process start to first answer, of naive's", 5, ratio)
    held = figures.part("memory", way=RECOMMEND, size=size)
    yield _most(
        "2", f"RSS at {size:,}, MiB", 450, held["resident"] if held and size == JUDGED else None, form="{:.0f}"
    )  # fmt: skip


def _large(figures: Figures) -> Iterator[Target]:
    start = figures.part("starts", way=RECOMMEND, size=LARGE)
    yield _most("4", "1,000,000 recipes: ready, s", 10, start["seconds"] if start else None, form="{:.1f}")
    search = figures.part("steps", size=LARGE, step="search")
    yield _most("4", "1,000,000 recipes: p99 of the search, ms", 5, search["p99_ms"] if search else None, form="{:.1f}")
    held = figures.part("memory", way=RECOMMEND, size=LARGE)
    yield _most("4", "1,000,000 recipes: RSS, MiB", 1536, held["resident"] if held else None, form="{:.0f}")


def _overload(figures: Figures) -> Iterator[Target]:
    seen = figures.overload
    yield _most("5", "p99 of accepted at 3x capacity, x that at 32 at once", 2, seen.get("p99_ratio"))
    yield _most("5", "p99 of refusals, x p50 of accepted then", 1, seen.get("refused_of_accepted"))
    yield Target(
        clause="5", text="other than 200, or 429 with Retry-After", wanted="0",
        seen=str(seen.get("other", "not measured")), reached=None if not seen else seen["other"] == 0,
    )  # fmt: skip
    yield _most("5", "p99 in the second after it, x calm before it", 2, seen.get("after_ratio"))


def _profile(figures: Figures) -> Iterator[Target]:
    stages = figures.profile.get("stages", ())
    apart = max((abs(row["share"] - row["seen"]) for row in stages), default=None)
    yield _most("7", "a stage's share in the histograms and in the profile differ by", 0.1, apart)


def _batches(figures: Figures) -> Iterator[Target]:
    for name in ("evaluation of 740 queries", "building", "retraining"):
        row = figures.part("batches", name=name)
        yield _ratio("8", f"{name}, x plain sentence-transformers", 3, row["ratio"] if row else None)


def _over(ours: Figure | None, other: Figure | None, field: str) -> float | None:
    return None if ours is None or other is None else getattr(ours, field) / max(getattr(other, field), 1e-9)


def _ratio(clause: str, text: str, least: float, seen: float | None) -> Target:
    return _target(clause, text, f">= {least:g}x", seen, "{:.2f}x", reached=None if seen is None else seen >= least)


def _share(clause: str, text: str, part: int, seen: float | None) -> Target:
    given = "not measured" if seen is None else f"1/{1 / max(seen, 1e-9):.1f}"
    return Target(
        clause=clause, text=text, wanted=f"<= 1/{part}", seen=given, reached=None if seen is None else seen <= 1 / part
    )


def _least(clause: str, text: str, least: float, seen: float, *, form: str, floor: bool) -> Target:
    return _target(clause, text, f">= {least:g}", seen, form, reached=seen >= least, floor=floor)


def _most(clause: str, text: str, most: float, seen: float | None, *, form: str = "{:.2f}") -> Target:
    return _target(clause, text, f"<= {most:g}", seen, form, reached=None if seen is None else seen <= most)


def _target(
    clause: str, text: str, wanted: str, seen: float | None, form: str, *, reached: bool | None, floor: bool = False
) -> Target:
    return Target(
        clause=clause, text=text, wanted=wanted, seen="not measured" if seen is None else form.format(seen),
        reached=reached, floor=floor,
    )  # fmt: skip
