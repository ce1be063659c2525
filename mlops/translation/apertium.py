"""Translation by Apertium, the rule-based system of the distribution's packages, run as programs beside this one.

One persistent pipeline per direction: 1-2 ms a query, where a process per call takes 170 ms. It runs from the first
line on, not before: the two hold 370 MiB, which a service that nobody asks in Spanish need not have.
Apertium is GPL and so are its dictionaries: they are called, never linked or shipped.
"""

from __future__ import annotations

import hashlib
import logging
import re
import time
from threading import Lock
from typing import TYPE_CHECKING

from mlops.translation.modes import Mode, find_mode
from mlops.translation.pipeline import Pipeline
from mlops.translation.stream import Reading, plain, read
from mlops.translation.translator import QUERY_SECONDS, Health, Line, untranslated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from mlops.recommendation import Language

NAME = "apertium"
LONGEST_PIECE = 1000
START_SECONDS = 5.0
PATIENCE = 3
LONGEST_PAUSE = 60.0

logger = logging.getLogger(__name__)

_SENTENCE_END = re.compile(r"(?<=[.!?;:])\s+")


class ApertiumTranslator:
    """Both directions, started when first used. Raises Permanent when Apertium or its pair is not installed.

    `clock` gives seconds and only ever rises; `modes` is the folder of the mode files, by default the usual ones.
    """

    name = NAME

    def __init__(self, modes: Path | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        spanish, english = find_mode("eng-spa", modes), find_mode("spa-eng", modes)
        fingerprints = hashlib.sha256(f"{spanish.fingerprint}{english.fingerprint}".encode()).hexdigest()
        self.version = f"eng-spa-{fingerprints[:12]}"
        self._directions: dict[tuple[Language, Language], Direction] = {
            ("en", "es"): Direction(spanish, clock),
            ("es", "en"): Direction(english, clock),
        }

    def translate(
        self, lines: Sequence[str], source: Language, target: Language, *, deadline: float = QUERY_SECONDS
    ) -> tuple[Line, ...]:
        """Translate each line by itself; long ones sentence by sentence."""
        direction = self._directions.get((source, target))
        if direction is None:
            return untranslated(lines, NAME)
        pieces = [split(plain(line)) for line in lines]
        readings = iter(direction.run([piece for parts in pieces for piece in parts], deadline))
        return tuple(
            _line(line, parts, [next(readings) for _ in parts]) for line, parts in zip(lines, pieces, strict=True)
        )

    def healthy(self) -> Health:
        """Translate a word each way; stages that nobody needed yet are tried once and ended again."""
        for (source, target), direction in self._directions.items():
            if not direction.proven("sal" if source == "es" else "salt"):
                return Health(ok=False, reason=f"{source} to {target}: {direction.trouble}")
        return Health(ok=True)

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids of all running stages."""
        return tuple(pid for direction in self._directions.values() for pid in direction.pids)

    def close(self) -> None:
        """Stop every stage, for good."""
        for direction in self._directions.values():
            direction.close()


class Direction:
    """One pipeline behind a lock: restarted after a fault, left alone for a while after several in a row."""

    def __init__(self, mode: Mode, clock: Callable[[], float]) -> None:
        self._mode = mode
        self._clock = clock
        self._lock = Lock()
        self._pipeline: Pipeline | None = None
        self._failures = 0
        self._retry_at = 0.0
        self._closed = False
        self._needed = False
        self._proven = False
        self.trouble = ""

    @property
    def pids(self) -> tuple[int, ...]:
        """The running stages' process ids."""
        return self._pipeline.pids if self._pipeline is not None and self._pipeline.usable else ()

    def run(self, texts: Sequence[str], seconds: float) -> tuple[Reading | None, ...]:
        """The readings of plain texts; None for each that got no answer within `seconds`."""
        began = self._clock()
        # Whoever comes while the stages start waits for them too, as the one does who had them started.
        starting = START_SECONDS if not self.pids else 0.0
        if not self._free(seconds + starting):
            return (None,) * len(texts)
        try:
            self._needed = True
            return self._run(texts, (self._clock() if starting else began) + seconds)
        finally:
            self._lock.release()

    def proven(self, word: str) -> bool:
        """Whether `word` is translated now; of stages that no text needed yet, whether it once was, on trial."""
        if not self._free(START_SECONDS):
            return False
        try:
            if self._proven and not self._needed and not self._closed:
                return True
            self._proven = self._run((word,), self._clock() + START_SECONDS)[0] is not None
            if self._pipeline is not None and not self._needed:
                self._pipeline.close()
            return self._proven
        finally:
            self._lock.release()

    def close(self) -> None:
        """Stop the stages; later texts get no answer."""
        with self._lock:
            self._closed = True
            self.trouble = "closed"
            if self._pipeline is not None:
                self._pipeline.close()

    def _free(self, seconds: float) -> bool:
        """Take the lock, which is the caller's to release; False, and why, where others hold it for `seconds`."""
        if self._lock.acquire(timeout=seconds):
            return True
        self.trouble = f"busy with other lines for {seconds:g} s"
        return False

    def _run(self, texts: Sequence[str], until: float) -> tuple[Reading | None, ...]:
        readings: list[Reading | None] = []
        while len(readings) < len(texts):
            pipeline, until = self._running(until)
            if pipeline is None:
                break
            rest = texts[len(readings) :]
            exchange = pipeline.exchange(rest, until)
            readings += [read(answer, text) for answer, text in zip(exchange.answers, rest, strict=False)]
            if exchange.answers:
                self._failures = 0
            if exchange.fault:
                # The first text without an answer is the suspect: it is given up, the others get a fresh pipeline.
                self._failed(exchange.fault)
                readings.append(None)
        return (*readings, *(None,) * (len(texts) - len(readings)))

    def _running(self, until: float) -> tuple[Pipeline | None, float]:
        """A pipeline to use, and the deadline moved by the time its start took; None where there is to be none now."""
        now = self._clock()
        if self._closed or now >= until:
            return None, until
        if self._pipeline is not None and self._pipeline.usable:
            return self._pipeline, until
        if now < self._retry_at:
            return None, until
        try:
            self._pipeline = Pipeline(self._mode.commands, self._clock)
        except OSError as error:
            self._failed(f"{error.filename or 'a stage'} cannot be started: {error.strerror}")
            return None, until
        started = self._pipeline.exchange((".",), now + START_SECONDS)
        if started.fault:
            self._failed(started.fault)
            return None, until
        return self._pipeline, until + self._clock() - now

    def _failed(self, fault: str) -> None:
        self._failures += 1
        self.trouble = fault
        if self._failures >= PATIENCE:
            pause = min(2.0 ** (self._failures - PATIENCE), LONGEST_PAUSE)
            self._retry_at = self._clock() + pause
            self.trouble = f"{fault}; {self._failures} failures in a row, next try in {pause:g} s"
        logger.warning("Apertium %s: %s", self._mode.name, self.trouble)


def split(text: str) -> tuple[str, ...]:
    """Sentences, and of endless sentences pieces of LONGEST_PIECE characters, cut at a blank where there is one."""
    if len(text) <= LONGEST_PIECE:
        return (text,) if text else ()
    pieces: list[str] = []
    for sentence in _SENTENCE_END.split(text):
        pieces += _cut(sentence)
    return tuple(pieces)


def _cut(sentence: str) -> Iterable[str]:
    while len(sentence) > LONGEST_PIECE:
        place = sentence.rfind(" ", 1, LONGEST_PIECE)
        place = LONGEST_PIECE if place < 0 else place
        yield sentence[:place]
        sentence = sentence[place:].lstrip()
    if sentence:
        yield sentence


def _line(line: str, pieces: Sequence[str], readings: Sequence[Reading | None]) -> Line:
    """Join the readings of a line's pieces; where there is none, the piece stays as it was."""
    if not pieces:
        return Line(text=line, status="ok", provider=NAME)
    answered = [reading for reading in readings if reading is not None]
    unknown = tuple(dict.fromkeys(word for reading in answered for word in reading.unknown))
    if not any(reading.known for reading in answered) and (unknown or len(answered) < len(readings)):
        return Line(text=line, status="untranslated", provider=NAME)
    text = " ".join(piece if reading is None else reading.text for piece, reading in zip(pieces, readings, strict=True))
    whole = not unknown and len(answered) == len(readings)
    return Line(text=text, status="ok" if whole else "partial", provider=NAME, unknown=unknown)
