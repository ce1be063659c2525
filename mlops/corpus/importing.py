"""Files into the corpus: rows are read, judged and written in batches; what is refused goes to a rejects file."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

from mlops.corpus.checks import RowChecks
from mlops.corpus.readers import reading
from mlops.corpus.rejects import Rejects
from mlops.corpus.rows import BadRow, Limits, RawRow
from mlops.corpus.source import STDIN
from mlops.errors import Invalid, MlopsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from mlops.corpus.readers import Reading
    from mlops.corpus.store import CorpusStore
    from mlops.recipe import Recipe

_BATCH = 500
_REMEMBERED = 20


class Progress(Protocol):
    """Told how far a file is: `progress("recipes.csv (kB)", 1200, 209715)`; a total of 0 is not known."""

    def __call__(self, phase: str, done: int, total: int) -> None:
        """Report `done` of `total` in `phase`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReport:
    """What became of one file. `read` is the sum of the four outcomes; `error` says why reading ended early."""

    path: str
    read: int = 0
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    rejects_path: str | None = None
    first_reject: str | None = None
    error: str | None = None
    hint: str | None = None
    notes: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What became of each file, in their order."""

    files: tuple[FileReport, ...]
    seconds: float

    @property
    def failed(self) -> bool:
        """True where a file could not be read to its end; refused rows are no failure."""
        return any(file.error is not None for file in self.files)

    def totals(self) -> dict[str, int]:
        """The counts of all files together."""
        names = ("read", "added", "updated", "unchanged", "rejected")
        return {name: sum(getattr(file, name) for file in self.files) for name in names}

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types: totals, seconds, and each file with what it has to say."""
        files = [{key: value for key, value in asdict(file).items() if value not in (None, ())} for file in self.files]
        return {**self.totals(), "seconds": round(self.seconds, 3), "failed": self.failed, "files": files}


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusReading:
    """The recipes of one file, how many rows were refused, the first of those, and notes on the file."""

    recipes: tuple[Recipe, ...]
    rejected: int
    rejects: tuple[BadRow, ...] = ()
    notes: tuple[str, ...] = ()


def import_files(
    paths: Sequence[Path],
    store: CorpusStore,
    *,
    rejects_dir: Path,
    now: datetime,
    progress: Progress,
    clock: Callable[[], float] = perf_counter,
    limits: Limits | None = None,
) -> ImportReport:
    """Take the recipes of `paths` into `store`, in batches that are each all or nothing.

    A file that cannot be read is reported and does not stop the others. A fault of the store or of the rejects folder
    does, as Transient or Permanent; like an interrupt it leaves what was committed, and importing again goes on there.
    """
    intake = _Intake(store=store, checks=RowChecks.load(), now=now, progress=progress, limits=limits or Limits())
    begun = clock()
    files = []
    for path, rejects_path in zip(paths, _rejects_paths(paths, rejects_dir), strict=True):
        started = clock()
        tally = intake.take(path, rejects_path)
        files.append(tally.report(path, seconds=clock() - started))
    return ImportReport(files=tuple(files), seconds=clock() - begun)


def open_corpus(path: Path, *, limits: Limits | None = None) -> CorpusReading:
    """Read the recipes of a file, without a store.

    Refused rows are counted. Raises what reading raises, and Invalid for a file without a single good row.
    """
    recipes: list[Recipe] = []
    rejects: list[BadRow] = []
    rejected = 0
    with reading(path, limits or Limits()) as opened:
        for judged in map(_judge(RowChecks.load()), opened.rows):
            if not isinstance(judged, BadRow):
                recipes.append(judged)
                continue
            rejected += 1
            if rejected <= _REMEMBERED:
                rejects.append(judged)
        notes = opened.notes()
    if not recipes:
        why = f"; the first: {_in_words(rejects[0])}" if rejects else ""
        raise Invalid(f"{path} holds no recipe; {rejected} rows were refused{why}", hint="see mlops/data_schema.json")
    return CorpusReading(recipes=tuple(recipes), rejected=rejected, rejects=tuple(rejects), notes=notes)


@dataclass(slots=True, kw_only=True)
class _Tally:
    """The counts of a file while it is being read."""

    counts: Counter[str] = field(default_factory=Counter)
    rejects_path: Path | None = None
    first_reject: str | None = None
    fault: MlopsError | None = None
    notes: tuple[str, ...] = ()

    def report(self, path: Path, *, seconds: float) -> FileReport:
        return FileReport(
            path=str(path),
            read=self.counts.total(),
            added=self.counts["added"],
            updated=self.counts["updated"],
            unchanged=self.counts["unchanged"],
            rejected=self.counts["rejected"],
            rejects_path=str(self.rejects_path) if self.rejects_path else None,
            first_reject=self.first_reject,
            error=_without(path, self.fault.message) if self.fault else None,
            hint=self.fault.hint if self.fault else None,
            notes=self.notes,
            seconds=seconds,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Intake:
    """What all files of one import share."""

    store: CorpusStore
    checks: RowChecks
    now: datetime
    progress: Progress
    limits: Limits

    def take(self, path: Path, rejects_path: Path) -> _Tally:
        tally = _Tally()
        with Rejects(rejects_path) as rejects:
            batch: list[Recipe] = []
            for judged in self._judged(path, tally):
                if isinstance(judged, BadRow):
                    rejects.add(judged)
                    tally.counts["rejected"] += 1
                    tally.first_reject = tally.first_reject or _in_words(judged)
                    continue
                batch.append(judged)
                if len(batch) == _BATCH:
                    self._write(batch, path, tally)
            self._write(batch, path, tally)
        tally.rejects_path = rejects_path if rejects.count else None
        return tally

    def _judged(self, path: Path, tally: _Tally) -> Iterator[Recipe | BadRow]:
        """Every row of the file, judged. A fault of the file ends it and is noted; the store is not touched here."""
        try:
            with reading(path, self.limits) as opened:
                for number, judged in enumerate(map(_judge(self.checks), opened.rows)):
                    if number % _BATCH == 0:
                        self._tell(opened)
                    yield judged
                self._tell(opened)
                tally.notes = opened.notes()
        except MlopsError as error:
            tally.fault = error

    def _write(self, batch: list[Recipe], path: Path, tally: _Tally) -> None:
        tally.counts.update(self.store.upsert(batch, source=str(path), now=self.now))
        batch.clear()

    def _tell(self, opened: Reading) -> None:
        done, total = opened.source.progress()
        if opened.source.unit == "bytes":
            self.progress(f"{opened.source.name} (kB)", _kilobytes(done), _kilobytes(total))
        else:
            self.progress(f"{opened.source.name} ({opened.source.unit})", done, total)


def _judge(checks: RowChecks) -> Callable[[RawRow | BadRow], Recipe | BadRow]:
    return lambda row: row if isinstance(row, BadRow) else checks.judge(row)


def _kilobytes(size: int) -> int:
    """Rounded up: something is never nothing."""
    return -(-size // 1000)


def _without(path: Path, message: str) -> str:
    """A report names the file beside the error: no need to name it in it."""
    return message.removeprefix(str(path)).removeprefix(":").strip()


def _in_words(row: BadRow) -> str:
    return f"line {row.line}: {row.field + ' ' if row.field else ''}{row.reason}"


def _rejects_paths(paths: Sequence[Path], folder: Path) -> list[Path]:
    """A rejects file for each path; a second file of one name gets a number, as both may have rejects."""
    seen: Counter[str] = Counter()
    found = []
    for path in paths:
        name = "stdin" if str(path) == STDIN else path.name
        seen[name] += 1
        number = f".{seen[name]}" if seen[name] > 1 else ""
        found.append(folder / f"{name}{number}.rejects.jsonl")
    return found
