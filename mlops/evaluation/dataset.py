"""Judged queries: the two files of an evaluation set, read strictly, because a broken judgement is a wrong verdict."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from mlops.errors import Invalid, NotFound, Permanent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from mlops.recommendation import Language

# qid -> document id -> grade; 0 is "seen and irrelevant", 1 relevant, 2 just right.
Qrels: TypeAlias = Mapping[str, Mapping[str, int]]

UNSPECIFIED = "unspecified"
_GZIP_MAGIC = b"\x1f\x8b"
_GRADE = re.compile(r"[0-9]{1,3}")
_TREC_FIELDS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One question with known answers; a text is None where nobody wrote it in that language."""

    qid: str
    kind: str = UNSPECIFIED
    text_en: str | None = None
    text_es: str | None = None

    def text(self, language: Language) -> str | None:
        """The question in `language`."""
        return self.text_en if language == "en" else self.text_es


def read_queries(path: Path) -> tuple[Query, ...]:
    """Read JSON lines with qid and text_en, text_es or both, and an optional kind; other keys are ignored.

    Raises NotFound, or Invalid naming file and line: bad JSON, no qid, a qid twice, no text at all, an empty file.
    """
    queries: dict[str, Query] = {}
    for where, line in _lines(path):
        query = _query(where, line)
        if query.qid in queries:
            raise Invalid(f"{where}: qid {query.qid} occurs twice", hint="give each query a qid of its own")
        queries[query.qid] = query
    if not queries:
        raise Invalid(f"{path} holds no query", hint='one JSON object a line: {"qid": "q1", "text_en": "lentil soup"}')
    return tuple(queries.values())


def read_qrels(path: Path) -> dict[str, dict[str, int]]:
    """Read TREC judgements, `qid 0 document grade` a line, apart by tabs or spaces.

    Raises NotFound, or Invalid naming file and line: fields missing, a grade that is no whole number from 0 to 999, a
    document with two grades for one query, an empty file.
    """
    qrels: dict[str, dict[str, int]] = {}
    for where, line in _lines(path):
        fields = line.split()
        if len(fields) != _TREC_FIELDS:
            raise Invalid(f"{where}: {len(fields)} fields, not 4", hint="a line reads: qid 0 document grade")
        qid, _, document, grade = fields
        if not _GRADE.fullmatch(grade):
            raise Invalid(f"{where}: the grade {grade!r} is not a whole number from 0 to 999", hint="0, 1 or 2 will do")
        grades = qrels.setdefault(qid, {})
        if grades.setdefault(document, int(grade)) != int(grade):
            raise Invalid(
                f"{where}: {document} has the grades {grades[document]} and {grade} for {qid}", hint="keep one of them"
            )
    if not qrels:
        raise Invalid(f"{path} holds no judgement", hint="a line reads: qid 0 document grade")
    return qrels


def digest(queries: Sequence[Query], qrels: Qrels, language: Language) -> str:
    """`sha256:…` of what is asked and judged: two reports compare query by query only when this is equal."""
    asked = sorted((query.qid, query.text(language), sorted(qrels.get(query.qid, {}).items())) for query in queries)
    return f"sha256:{hashlib.sha256(json.dumps(asked).encode()).hexdigest()}"


def _query(where: str, line: str) -> Query:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"{where}: not JSON: {error}", hint="one JSON object a line") from error
    if not isinstance(row, dict):
        raise Invalid(f"{where}: {type(row).__name__} instead of an object", hint="one JSON object a line")
    qid = row.get("qid")
    if isinstance(qid, bool) or not isinstance(qid, str | int) or not re.fullmatch(r"\S+", str(qid)):
        raise Invalid(f"{where}: qid is {qid!r}", hint="qid is a text without spaces, as in the judgements")
    texts = {key: _text(where, row, key) for key in ("text_en", "text_es")}
    if not any(texts.values()):
        raise Invalid(f"{where}: query {qid} has neither text_en nor text_es", hint="write one of them")
    return Query(qid=str(qid), kind=_text(where, row, "kind") or UNSPECIFIED, **texts)


def _text(where: str, row: dict[str, Any], key: str) -> str | None:
    value = row.get(key)
    if value is not None and not isinstance(value, str):
        raise Invalid(f"{where}: {key} is {value!r}, not a text", hint=f"write {key} as a text, or leave it out")
    return value.strip() or None if value else None


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    """Yield `file:line` and the text of each line that is not blank, out of a plain or a gzip file."""
    number = 0
    try:
        with path.open("rb") as probe:
            packed = probe.read(2) == _GZIP_MAGIC
        with gzip.open(path) if packed else path.open("rb") as stream:
            for number, raw in enumerate(stream, start=1):
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip()
                if line:
                    yield f"{path}:{number}", line
    except FileNotFoundError as error:
        raise NotFound(f"{path} does not exist", hint="check the path") from error
    except UnicodeDecodeError as error:
        raise Invalid(f"{path}:{number}: not UTF-8: {error.reason}", hint="save the file as UTF-8") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Invalid(f"{path}: damaged gzip after line {number}: {error}", hint="pack the file again") from error
    except OSError as error:
        raise Permanent(f"{path} cannot be read: {error.strerror}", hint="check the path and its rights") from error
