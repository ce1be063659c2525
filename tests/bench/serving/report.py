"""`docs/performance.md`: what the run measured goes between its markers, the prose around them stays as people wrote it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.bench.serving.contestants import LABELS, NAIVE, RECOMMEND
from tests.bench.serving.figures import DISTINCT, ZIPF
from tests.bench.serving.targets import targets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from tests.bench.serving.figures import Figure, Figures

_TRAFFIC = {DISTINCT: "distinct queries", ZIPF: "Zipf-distributed queries"}


def write(path: Path, figures: Figures) -> None:
    """Put the parts of `figures` between the markers of the document; raises ValueError where it has not got them."""
    text = path.read_text(encoding="utf-8")
    for name, lines in parts(figures).items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
        body = "\n".join(lines)
        text, count = pattern.subn(lambda found, body=body: f"{found[1]}{body}\n{found[2]}", text)
        if count != 1:
            raise ValueError(f"{path} has no markers `{name}` and `end of {name}`, once each")
    path.write_text(text, encoding="utf-8")


def parts(figures: Figures) -> dict[str, list[str]]:
    """The lines of each part that was measured, by the name of its markers; the others stay as they are in the document."""
    made = {
        "machine": (_machine, figures.served),
        "targets": (_targets, figures.served),
        "serving": (_serving, figures.served),
        "growth": (_growth, figures.served),
        "answers": (_answers, figures.agreement),
        "overload": (_overload, figures.overload),
        "profile": (_profile, figures.profile),
        "batches": (_batches, figures.batches),
    }
    return {name: list(lines(figures)) for name, (lines, measured) in made.items() if measured}


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table in Markdown."""
    yield f"| {' | '.join(columns)} |"
    yield f"|{'---|' * len(columns)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _machine(figures: Figures) -> Iterator[str]:
    about = figures.about
    yield (
        f"Measured {about['date']} at revision {about['revision']} on {about['cores']} cores of {about['processor']}, "
        f"{about['memory_gib']} GiB, {about['system']}; load generator {about['wrk']}, on the same cores. "
        f"Load average before it: {about['load_before']:.1f}, after it: {about.get('load_after', 0):.1f}. "
        f"Recipes: {about['recipes']}."
    )
    yield ""
    yield from table(("who", "versions"), ((LABELS.get(name, name), text) for name, text in about["versions"].items()))


def _targets(figures: Figures) -> Iterator[str]:
    words = {True: "reached", False: "**missed**", None: "open"}
    yield from table(
        ("clause", "what", "wanted", "seen", ""),
        ((each.clause, each.text, each.wanted, each.seen, words[each.reached]) for each in targets(figures)),
    )


def _serving(figures: Figures) -> Iterator[str]:
    yield "![Throughput and p99 by concurrency](performance/concurrency.svg)"
    ways = list(dict.fromkeys(cell.way for cell in figures.served))
    for size in figures.sizes():
        for traffic in (DISTINCT, ZIPF):
            found = sorted({c.connections for c in figures.served if (c.size, c.traffic) == (size, traffic)})
            for connections in found:
                rows = [(way, figures.of(way, size, connections, traffic)) for way in ways]
                base = figures.of(NAIVE, size, connections, traffic)
                yield ""
                yield f"{size:,} recipes, {connections} at once, {_TRAFFIC[traffic]}:"
                yield ""
                yield from table(
                    ("", "req/s", "x naive", "p50 ms", "p99 ms", "CPU ms a request", "errors", "others used"),
                    (_row(LABELS.get(way, way), figure, base) for way, figure in rows if figure is not None),
                )


def _row(label: str, figure: Figure, base: Figure | None) -> tuple[str, ...]:
    return (
        label,
        f"{figure.per_second:,.1f}",
        "" if base is None else f"{figure.per_second / max(base.per_second, 1e-9):.1f}",
        f"{figure.p50_ms:,.1f}",
        f"{figure.p99_ms:,.1f}",
        f"{figure.cpu_ms:.2f}",
        str(figure.errors),
        f"{figure.others:.0%}",
    )


def _growth(figures: Figures) -> Iterator[str]:
    def number(row: dict | None, key: str, form: str) -> str:
        return "" if row is None else form.format(row[key])

    rows = []
    for size in figures.sizes():
        one = figures.of(RECOMMEND, size, 1)
        search = figures.part("steps", size=size, step="search")
        held = figures.part("memory", way=RECOMMEND, size=size)
        built = figures.part("built", way=RECOMMEND, size=size)
        start = figures.part("starts", way=RECOMMEND, size=size)
        rows.append((
            f"{size:,}", "" if one is None else f"{one.p50_ms:.1f} / {one.p99_ms:.1f}",
            number(search, "p50_ms", "{:.2f}") + " / " + number(search, "p99_ms", "{:.2f}"),
            number(held, "resident", "{:,.0f}"), number(held, "anonymous", "{:,.0f}"),
            number(start, "seconds", "{:.1f}"), number(built, "seconds", "{:,.0f}"), number(built, "mebibytes", "{:,.0f}"),
        ))  # fmt: skip
    yield "![Latency, memory and building by size](performance/growth.svg)"
    yield ""
    yield "Ours:"
    yield ""
    yield from table(
        ("recipes", "p50 / p99 ms, 1 at once", "search p50 / p99 ms", "RSS MiB", "of it anonymous", "ready s",
         "built in s, without embedding", "artefact MiB"),
        rows,
    )  # fmt: skip
    yield ""
    yield "Everybody, after the load:"
    yield ""
    yield from table(
        ("", "recipes", "RSS MiB", "anonymous", "of files", "proportional"),
        (
            (LABELS.get(row["way"], row["way"]), f"{row['size']:,}", f"{row['resident']:,.0f}",
             f"{row['anonymous']:,.0f}", f"{row['file']:,.0f}", f"{row['proportional']:,.0f}")
            for row in figures.memory
        ),
    )  # fmt: skip
    yield ""
    yield "Cold starts, each alone, with what Python compiled at the first, as an image has it:"
    yield ""
    yield from table(
        ("", "recipes", "start to first answer s", "CPU s", "RSS MiB then"),
        (
            (LABELS.get(row["way"], row["way"]), f"{row['size']:,}", f"{row['seconds']:.1f}", f"{row['cpu']:.1f}",
             f"{row['resident']:,.0f}")
            for row in figures.starts
        ),
    )  # fmt: skip


def _answers(figures: Figures) -> Iterator[str]:
    yield from table(
        ("", "recipes", "among", "overlap@10 with exact fp32", "of the search alone", "queries"),
        (
            (LABELS.get(row["way"], row["way"]) if row["way"] != RECOMMEND else "**ours**, semantic ranking",
             f"{row['size']:,}", "all" if row["among"] == "all" else f"{row['passed']:.0%} that pass a filter",
             f"{row['overlap']:.3f}", f"{row['search']:.3f}" if "search" in row else "", str(row["queries"]))
            for row in figures.agreement
        ),
    )  # fmt: skip
    if figures.quality:
        yield ""
        yield from table(
            ("NDCG@10, judged queries in English", "as served", "fp32"),
            (
                (name, f"{figures.quality[f'{name}, as served']:.4f}", f"{figures.quality[f'{name}, fp32']:.4f}")
                for name in ("hybrid", "semantic")
            ),
        )
    for size in sorted({row["size"] for row in figures.steps}):
        yield ""
        yield f"Steps of an answer, {size:,} recipes, one thread, in process:"
        yield ""
        yield from table(
            ("step", "mean ms", "p50", "p99"),
            (
                (row["step"], f"{row['mean_ms']:.3f}", f"{row['p50_ms']:.3f}", f"{row['p99_ms']:.3f}")
                for row in figures.steps
                if row["size"] == size
            ),
        )


def _overload(figures: Figures) -> Iterator[str]:
    seen = figures.overload
    yield (
        f"{seen['size']:,} recipes. Capacity, in a closed loop of 32 at once: {seen['capacity']:.0f} req/s, p99 "
        f"{seen['normal_p99_ms']:.1f} ms. Then an open loop, {seen['seconds']} s each; in the storm "
        f"{seen['rate']:.0f} requests come a second, whatever becomes of them, and {seen['goodput']:.0%} of the "
        f"capacity is answered."
    )
    yield ""
    yield from table(
        ("", "requests", "200", "429 with Retry-After", "other", "p50 ms of 200", "p99 ms of 200", "p99 ms of 429"),
        (
            (row["phase"], str(row["requests"]), str(row["accepted"]), str(row["refused"]), str(row["other"]),
             f"{row['p50_ms']:.1f}", f"{row['p99_ms']:.1f}", f"{row['refused_p99_ms']:.1f}")
            for row in seen["phases"]
        ),
    )  # fmt: skip


def _profile(figures: Figures) -> Iterator[str]:
    seen = figures.profile
    yield (
        f"{seen['size']:,} recipes, 8 at once, {seen['samples']:,} samples of threads that ran: "
        f"[flame graph](performance/flame.svg)."
    )
    yield ""
    yield from table(
        ("the ten largest costs", "share of the samples"),
        ((f"`{row['frame']}`", f"{row['share']:.1%}") for row in seen["costs"]),
    )
    yield ""
    yield f"What the process' own histograms say of the same seconds, beside the samples; a request took {seen['whole_ms']:.1f} ms:"
    yield ""
    yield from table(
        ("stage", "mean ms", "share of both", "share of their samples"),
        ((row["name"], f"{row['mean_ms']:.3f}", f"{row['share']:.0%}", f"{row['seen']:.0%}") for row in seen["stages"]),
    )


def _batches(figures: Figures) -> Iterator[str]:
    yield from table(
        ("", "ours s", "plain s", "ratio", "of what"),
        (
            (row["name"], f"{row['ours']:.1f}", f"{row['plain']:.1f}", f"{row['ratio']:.1f}x", row["of"])
            for row in figures.batches
        ),
    )
