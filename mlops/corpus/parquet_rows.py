"""Rows out of Parquet, a batch at a time. The one module that reads with pyarrow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops.corpus.rows import BadRow, RawRow
from mlops.corpus.vocabulary import columns_of, under_our_names
from mlops.errors import Invalid, Permanent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops.corpus.source import Source

_BATCH = 500
# A batch is held twice, as Arrow's and as Python's: one of long rows has fewer of them.
_BATCH_BYTES = 2 << 20
# With a buffer pyarrow reads a column's pages as they are needed; without one, all of the row group's at once.
_BUFFER = 1 << 20
# A group beyond this is no recipes but a bomb: dictionaries and pages may still have to be held as a whole.
_GROUP_BYTES = 1 << 30


def read_parquet(source: Source) -> Iterator[RawRow | BadRow]:
    """One recipe a row; only the columns that mean something to us are read.

    Raises Invalid for a damaged file, one without title and ingredients, or one whose row groups are too large.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - of the `jobs` extra; other formats are read without it
        import pyarrow.parquet as pq  # noqa: PLC0415 - as above
    except ImportError as error:
        raise Permanent("Parquet needs pyarrow", hint="pip install 'recipe-recommender[jobs]'") from error
    try:
        with pq.ParquetFile(source.path, pre_buffer=False, buffer_size=_BUFFER) as file:
            columns = _columns(file, source)
            source.unit, source.size = "rows", file.metadata.num_rows
            for batch in file.iter_batches(batch_size=_batch_size(file), columns=columns):
                yield from _rows(batch, source.done)
                source.done += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        raise Invalid(f"{source.path} is no Parquet file that can be read: {error}", hint="write it anew") from error


def _columns(file: Any, source: Source) -> list[str]:
    found = columns_of(file.schema_arrow.names)
    missing = [field for field in ("title", "ingredients") if field not in found]
    if missing:
        raise Invalid(
            f"{source.path} has no column for {' and '.join(missing)}; its columns are "
            f"{', '.join(file.schema_arrow.names[:20])}",
            hint="name them title and ingredients",
        )
    for number in range(file.metadata.num_row_groups):
        size = file.metadata.row_group(number).total_byte_size
        if size > _GROUP_BYTES:
            raise Invalid(
                f"{source.path}: row group {number} unpacks to {size:,} bytes, at most {_GROUP_BYTES:,} are read",
                hint="write it anew with smaller row groups",
            )
    return [name for names in found.values() for name in names]


def _batch_size(file: Any) -> int:
    groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
    longest = max((group.total_byte_size / max(group.num_rows, 1) for group in groups), default=0)
    return max(1, min(_BATCH, int(_BATCH_BYTES / max(longest, 1))))


def _rows(batch: Any, before: int) -> Iterator[RawRow | BadRow]:
    """The rows of a batch; where one of them cannot be decoded, each is tried by itself."""
    try:
        rows = batch.to_pylist()
    except UnicodeDecodeError:
        if batch.num_rows == 1:
            yield BadRow(line=before + 1, reason="holds text that is not UTF-8", raw="")
            return
        for number in range(batch.num_rows):
            yield from _rows(batch.slice(number, 1), before + number)
        return
    for number, row in enumerate(rows, before + 1):
        yield RawRow(line=number, fields=under_our_names(row), raw=row)
